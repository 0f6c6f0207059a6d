"""The first paper's experiments: `python -m svcodec.benchmarks.selfvae CONFIGURATION --data PATH -o OUT`."""
