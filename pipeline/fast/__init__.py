"""Engines that compute what the enhancers' modules compute, to one grey level, and many times faster."""
