"""The codecs that are compared, a module for each family; `registry` has them by name."""
