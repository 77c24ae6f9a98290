"""Images, samples and folds of every kind of data set."""
