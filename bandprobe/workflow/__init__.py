"""What rules and scripts ask: parameters, targets, resources, digests of code."""
