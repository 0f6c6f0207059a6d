"""The .svc file and its entropy coder; knows nothing of networks."""
