"""From logits to records: outcomes, intervals, Shapley values, flags; arrays only."""
