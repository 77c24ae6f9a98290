"""One HTML page that shows all results of a data set."""
