"""The worker's process: ``python -m engine.worker``; see engine.worker.main."""

from __future__ import annotations

import os
import traceback

from engine.garbage import pause_collection, resume_collection

if __name__ == "__main__":
    pause_collection()
    status = 1
    try:
        from engine.worker.main import main

        resume_collection()  # before models are loaded, which it may drop again
        status = main()
    finally:
        if status == 1:
            traceback.print_exc()
        # No clean-up: the reading thread is blocked in a read that only the bot can end.
        os._exit(status)
