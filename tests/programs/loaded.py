"""Run a door, then print to stderr whether a module was loaded.

python loaded.py MODULE DOOR ARGUMENT...
"""

import importlib
import sys

module, door, *arguments = sys.argv[1:]
code = importlib.import_module(f"tune_asr.{door}.__main__").main(arguments)
print(module in sys.modules, file=sys.stderr)
sys.exit(code)
