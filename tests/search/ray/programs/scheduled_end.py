"""Schedule the end of this process, then cancel it: `scheduled_end.py SECONDS fails|succeeds`."""

import sys
import threading

from tune_asr.search.ray.watchdogs import end_process_within


def main(seconds, clean_up):
    began, go_on = threading.Event(), threading.Event()

    def first():
        began.set()
        go_on.wait(1)
        if clean_up == "fails":
            raise OSError

    call_off = end_process_within(float(seconds), 7, "gone", first=first)
    if seconds == "0":
        began.wait()
    call_off()
    print("called off")


if __name__ == "__main__":
    main(*sys.argv[1:])
