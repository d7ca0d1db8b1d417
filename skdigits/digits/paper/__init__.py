"""From a picture to its digits: grey levels, paper, ink, and what is written on it.

::

    picture -> ink on a page -> components -> digits, in reading order -> each in MNIST's form
"""
