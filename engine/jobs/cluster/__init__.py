"""Workers on the machines of a Ray cluster, as many as the queue needs.

Ray is loaded only when a pool is started (`pool.py`), so that painting on one machine needs none of
it. `host.py` is what runs on the other machines.
"""
