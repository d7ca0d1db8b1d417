"""Ways to change digits at random, and what a network sees in place of their pixels."""
