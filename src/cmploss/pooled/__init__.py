"""Text classifiers that pool the token states of an encoder, and the files that hold them."""
