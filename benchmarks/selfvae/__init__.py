"""The first paper's experiments: `python -m svcodec.benchmarks.selfvae PLAN --data PATH -o OUT`."""
