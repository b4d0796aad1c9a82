"""GPUs of a search: what they are, what goes on them, and what can go wrong with them.

    card.py       one GPU, and the GPUs that `CUDA_VISIBLE_DEVICES` names
    nvml.py       GPUs of this machine, read from NVIDIA's management library; it opens none of them
    shares.py     trials that fit on GPUs, and the share of one after it ran out of memory
    packing.py    as many trials on a GPU as pay
    placement.py  slots of a search, the GPU of each, and the lines about them
    mistakes.py   mistakes about GPUs that show before Ray starts

Imports neither torch nor Ray.
"""
