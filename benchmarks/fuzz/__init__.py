"""Hostile streams, made by changing good ones so that their checksums stay right: `python -m svcodec.benchmarks.fuzz`.

`drafts` takes streams apart and puts them together, `mutations` changes the parts, `originals` are what it begins with;
`layers` reads the result as `decode` would, and `campaign` counts what comes of it.
"""
