"""Load on the running release by Locust, recorded exactly."""
