"""Tools that know no study: files, progress, units, devices, array types."""
