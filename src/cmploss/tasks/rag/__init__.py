"""Generated answers to questions over passages, by causal and sequence-to-sequence language models."""
