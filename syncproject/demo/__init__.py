"""The whole system on this machine: for the demo, the acceptance tests and the chaos run."""
