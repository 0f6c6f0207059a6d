"""`svcodec bench`: rate, distortion and time of codecs on photos, as curves, tables, crops and a page."""
