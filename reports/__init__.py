"""The gate: policy and evidence in, verdict and reports out."""
