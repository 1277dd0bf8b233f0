"""The serving layer: every view over HTTP, from one published batch at a time, to those who may see it."""
