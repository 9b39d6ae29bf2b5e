"""What models, examples, packages and settings do to a run. A table, see `symptom`.

The more specific of two that say the same line stands first.
"""

from __future__ import annotations

from alpaca_tui.finetune.symptom import Symptom

TRAINING = (
    Symptom(
        "not-a-number",
        r"step (?P<step>\d+): loss \S+, gradient norm (?:nan|-?inf)|step (?P<step2>\d+): loss (?:nan|-?inf)"
        r"|for gradients from `parameters` is non-finite|['\"]grad_norm['\"]: ['\"]?(?:nan|inf)"
        r"|['\"]loss['\"]: ['\"]?(?:nan|inf)|probability tensor contains either `inf`, `nan`",
        "The gradient is no number any more",
        "A value grew beyond all bounds[[ at step {step}]]; the weights are spoilt from there on.",
        "Resume from the checkpoint before with a lower learning_rate, more warmup, and bf16 rather than fp16; look at "
        "that step's examples.",
    ),
    Symptom(
        "loss-zero",
        r"step (?P<step>\d+): the loss is exactly zero|^\{['\"]loss['\"]: ['\"]?0(?:\.0*)?['\"]?[,}]",
        "The loss is exactly zero",
        "Nothing is learned[[ (step {step})]]: every token of the examples is masked, or nan was shown as 0.",
        "Look at the token preview: the response must be trained on. Use bf16 rather than fp16.",
    ),
    Symptom(
        "fp16-weights",
        r"Attempting to unscale FP16 gradients",
        "fp16 does not train weights kept in fp16",
        "Gradients are scaled against underflow, which needs 32-bit weights.",
        "Use precision bf16, or fp32 where the GPU has no bf16.",
    ),
    Symptom(
        "no-bf16",
        r"setup doesn't support bf16/gpu|bf16 mixed precision requires|--tf32 requires Ampere"
        r"|fp16 mixed precision requires a device in",
        "This device does not know the precision",
        "bf16 and tf32 need an NVIDIA GPU of 2020 or newer (Ampere), or another that knows them.",
        "Set precision to fp32.",
    ),
    Symptom(
        "mixed-types",
        r"must have the same dtype, but got (?P<one>\w+) and (?P<other>\w+)|expected scalar type (?P<one2>\w+) but found (?P<other2>\w+)"
        r"|expected m1 and m2 to have the same dtype",
        "Numbers of two kinds met",
        "A part of the model is kept in another precision than the rest[[: {one} and {other}]].",
        "Set precision to bf16 or fp32, so that all parts are alike; do without flash-attn in fp32.",
    ),
    Symptom(
        "no-gradient",
        r"does not require grad and does not have a grad_fn",
        "Nothing is trained",
        "The loss depends on no weight that may change: with an adapter, checkpointing cuts the model off.",
        "Turn checkpointing off, or use an adapter on more layers.",
    ),
    Symptom(
        "quantised-only",
        r"cannot perform fine-tuning on purely quantized models",
        "Quantised weights cannot be trained",
        "Only an adapter beside them can.",
        "Use method qlora.",
    ),
    Symptom(
        "resume-other",
        r"doesn't match the size of optimizer's group|Can't find a valid checkpoint at (?P<path>[^\n]+)",
        "This checkpoint cannot be gone on from",
        "It is not whole, or of a run with other trained weights[[: {path}]].",
        "Resume from an earlier checkpoint, or start a new run from its weights.",
    ),
)

TOKENIZER = (
    Symptom(
        "no-end-token",
        r"This tokenizer has no end token|tokenizer does not have a (?:padding|eos|end)[-_ ]\w+",
        "The tokenizer lacks a special token",
        "Without an end token a model never stops answering; without one to pad with, examples cannot be put side by side.",
        "Set eos_token and pad_token in its tokenizer_config.json, or choose another model.",
    ),
    Symptom(
        "tokenizer-new",
        r"data did not match any variant of untagged enum (?P<what>\w+)",
        "The tokenizer's file is of a kind that is not known",
        "It was written by a newer version of the tokenizers package[[ ({what})]].",
        "pip install --upgrade tokenizers transformers",
    ),
    Symptom(
        "no-tokenizer",
        r"Couldn't instantiate the backend tokenizer|Can't load tokenizer for '(?P<name>[^'\n]+)'"
        r"|need to have sentencepiece or tiktoken installed",
        "The tokenizer cannot be loaded",
        "Its files are not there, or need a package that is not[[: {name}]].",
        "Put tokenizer.json into the model's folder; old models need: pip install sentencepiece",
    ),
)

HUB = (
    Symptom(
        "gated",
        r"Make sure to have access to it at https://\S+?/(?P<model>[\w.-]+/[\w.-]+?)\.?$|GatedRepoError"
        r"|Access to model (?P<model2>\S+) is restricted|Cannot access gated repo",
        "The model is not open to everybody",
        "Its owner asks for an agreement first[[: {model}]].",
        "Accept it on the model's page on the Hub, then: hf auth login",
    ),
    Symptom(
        "no-such-model",
        r"(?<!\S)(?P<model>\S{1,200}) is not a local folder and is not a valid model identifier|RepositoryNotFoundError"
        r"|(?<!\S)(?P<model2>\S{1,200}) is not a valid git identifier|Repository Not Found for url"
        r"|Repo id must be in the form[^\n]*: '(?P<model3>[^'\n]+)'",
        "There is no such model",
        "It is neither a folder here nor on the Hub, or it is private[[: {model}]].",
        "Check the name and the revision; a private model needs: hf auth login",
    ),
    Symptom(
        "bad-token",
        r"Invalid user token|Invalid credentials in Authorization header|401 Client Error: Unauthorized",
        "The Hub does not accept the token",
        "HF_TOKEN, or what hf auth login stored, is wrong or has expired.",
        "Make a new one on the Hub's settings page, then: hf auth login",
    ),
    Symptom(
        "hub-busy",
        r"429 (?:Client Error|Too Many Requests)|Too Many Requests for url",
        "The Hub asks to wait",
        "Too many requests came from your address.",
        "Wait some minutes, log in (hf auth login), and start again: what is here is not downloaded twice.",
    ),
    Symptom(
        "no-network",
        r"couldn't connect to '(?P<host>[^'\n]+)'|Name or service not known|Temporary failure in name resolution"
        r"|NameResolutionError|Max retries exceeded with url|Network is unreachable|OfflineModeIsEnabled"
        r"|offline mode is enabled|cannot find the requested files in the (?:disk|local) cache",
        "The model could not be downloaded",
        "The Hub cannot be reached[[: {host}]], or HF_HUB_OFFLINE is set, and the files are not here.",
        "Check the network or proxy; without one, download the model elsewhere and name its folder.",
    ),
)

FILES = (
    Symptom(
        "weights-pickle",
        r"Weights only load failed|serious vulnerability issue in `torch\.load`|The weights in \S+ are pickles",
        "The weights are a pickle",
        "Opening a pickle (.bin, .pt) can run any code, so it is refused.",
        "Use the model's safetensors, or convert it on a machine you can spare.",
    ),
    Symptom(
        "weights-torn",
        r"SafetensorError: [^\n]*?(?P<error>header too (?:small|large)|incomplete metadata[^\n]*|invalid (?:JSON|header)[^\n]*"
        r"|MetadataIncompleteBuffer|InvalidHeader\w*|HeaderToo\w+)"
        r"|PytorchStreamReader failed[^\n:]*: (?P<error2>[^\n.]+)|^EOFError: Ran out of input",
        "A file of weights is not whole",
        "It was cut short or is something else[[: {error}]]: a download or a save that was interrupted, or a Git LFS "
        "pointer.",
        "Download the model anew; of a run, resume from the checkpoint before.",
    ),
    Symptom(
        "no-weights",
        r"Error no file named (?P<file>[^\n]{1,100}?),? (?:or [^\n]{1,100} )?found in directory (?P<path>\S{1,300}?)\.?$"
        r"|(?<!\S)(?P<path2>\S{1,200}) does not appear to have a file named (?P<file2>\S+)",
        "There are no weights in the model's folder",
        "{path} has no {file}.",
        "Download the whole model; an adapter needs the model it was made for.",
    ),
    Symptom(
        "other-size",
        r"size mismatch for (?P<name>\S+): copying a param with shape (?P<there>torch\.Size\(\[[\d, ]*\]\)) from checkpoint, "
        r"the shape in current model is (?P<here>torch\.Size\(\[[\d, ]*\]\))"
        r"|Reinit due to size mismatch - ckpt: (?P<there2>torch\.Size\(\[[\d, ]*\]\)) vs model:\s?(?P<here2>torch\.Size\(\[[\d, ]*\]\))"
        r"|You set `ignore_mismatched_sizes` to `False`",
        "The weights are of another model",
        "Their sizes differ[[: {there} in the file, {here} in the model]].",
        "Use the config.json and tokenizer that came with the weights; an adapter goes with one base model only.",
    ),
    Symptom(
        "no-adapter",
        r"Can't find 'adapter_config\.json' at '(?P<path>[^'\n]+)'",
        "There is no adapter",
        "{path} has no adapter_config.json.",
        "Name the folder that training wrote.",
    ),
    Symptom(
        "config-broken",
        r"config file at '(?P<path>[^'\n]+)' is not a valid JSON file",
        "The model's config cannot be read",
        "{path} is no JSON: it may be cut short.",
        "Download it anew.",
    ),
)

ARCHITECTURE = (
    Symptom(
        "own-code",
        r"repository (?P<model>\S+) contains custom code which must be executed|argument `trust_remote_code=True`",
        "The model wants to run code of its own",
        "Its repository brings Python of its own[[: {model}]], which is not run: it could do anything.",
        "Choose a model that transformers knows by itself; many have a converted twin on the Hub.",
    ),
    Symptom(
        "unknown-kind",
        r"model type `(?P<kind>[^`\n]+)` but Transformers does not recognize this architecture"
        r"|Unrecognized (?:model|configuration class)[^\n]*|is of an unknown kind"
        r"|cannot import name '(?P<kind2>\w+(?:Config|ForCausalLM))' from 'transformers",
        "This kind of model is not known",
        "The installed transformers is older than the model, or its config.json names no kind[[: {kind}]].",
        "pip install --upgrade transformers; else choose another model.",
    ),
    Symptom(
        "config-new",
        r"transformers/\S+\.py\", line \d+[^\n]*\n(?:[ \t][^\n]*\n){1,4}(?:KeyError: '(?P<key>[^'\n]+)'"
        r"|AttributeError: '\w*Config' object has no attribute '(?P<key2>\w+)')"
        r"|StrictDataclass\w+ValidationError: [^\n]*\n\s*\w+Error: (?P<key3>[^\n]+)",
        "The model's config holds something that is not known",
        "The installed transformers does not know what it asks for[[: {key}]].",
        "pip install --upgrade transformers; else compare its config.json with that of a model of the same kind.",
    ),
    Symptom(
        "recursion",
        r"^RecursionError: maximum recursion depth exceeded",
        "A library called itself without end",
        "Often a tokenizer whose unknown token is not in its own vocabulary.",
        "Use the tokenizer the model came with, in its fast form (tokenizer.json).",
    ),
    Symptom(
        "adapter-targets",
        r"Target modules (?P<names>\{[^}\n]*\}|\S+) not found in the base model|No modules were targeted for adaptation"
        r"|^ValueError: Target module (?P<names2>\w+)(?:\(.*)?$(?=[\s\S]{0,4000}? is not supported\. Currently, only)",
        "The adapter fits no layer of this model",
        "It has none of the layers that were named[[: {names}]].",
        "Let it choose all linear layers (target_modules all-linear).",
    ),
)

PACKAGES = (
    Symptom(
        "bnb-no-gpu",
        r"not available in CPU-only version of bitsandbytes|compiled without GPU support"
        r"|are supported by the bitsandbytes version you have installed|bitsandbytes native library functionality but it's not available"
        r"|Forgot to compile the bitsandbytes library|(?:CUDA|ROCm) SETUP ERROR: Missing dependency: (?P<library>\S+)",
        "bitsandbytes does not work on this machine",
        "4-bit weights and 8-bit optimisers need it with a GPU build that fits this torch[[: {library} is missing]].",
        "pip install --upgrade bitsandbytes, and see `python -m bitsandbytes`; or use method lora and optimizer adamw.",
    ),
    Symptom(
        "bnb-missing",
        r"requires bitsandbytes|in order to use bitsandbytes optimizers",
        "bitsandbytes is not installed",
        "4-bit weights and 8-bit optimisers need it.",
        "pip install 'alpaca-tui[train]', or use method lora and optimizer adamw.",
    ),
    Symptom(
        "flash-attn",
        r"FlashAttention\d has been toggled on, but it cannot be used due to the following error: (?P<error>[^\n]+)"
        r"|FlashAttention only supports (?P<error2>[^\n]+)",
        "Flash attention cannot be used here",
        "It was asked for[[, but {error}]].",
        "Do without: torch's own attention (sdpa) is used then.",
    ),
    Symptom(
        "built-for-other",
        r"(?<![\w.-])(?P<library>[\w.-]{1,120}?\.so[\w.]{0,20}): (?:undefined symbol: (?P<symbol>\w+)|cannot open shared object file)"
        r"|version `(?P<symbol2>GLIBC\w*_[\d.]+)' not found",
        "A package was built for other versions",
        "{library} does not fit the installed torch, CUDA or system.",
        "Install that package again, for this torch; flash-attn has builds for each.",
    ),
    Symptom(
        "compile",
        r"BackendCompilerFailed|InductorError|InvalidCxxCompiler|Failed to find C compiler|torch\._dynamo\.exc\.\w+"
        r"|fatal error: (?P<header>Python\.h): No such file",
        "torch.compile failed",
        "It writes and compiles code for the model, and could not[[: {header} is missing]].",
        "Turn it off; or install a C compiler and Python's headers (apt: gcc python3-dev).",
    ),
    Symptom(
        "tracker-login",
        r"api_key not configured|No API key configured\. Use `wandb login`|wandb: ERROR [^\n]*(?:login|API key)",
        "The tracker wants a login",
        "Weights & Biases has no API key, and nobody can be asked for one.",
        "wandb login, or WANDB_MODE=offline, or leave it out of report_to.",
    ),
    Symptom(
        "tracker-missing",
        r"\b(?P<tracker>[A-Z]\w{0,30}?)Callback requires (?P<package>[\w.-]+) to be installed",
        "The tracker is not installed",
        "{tracker} was asked for, which needs the package {package}.",
        "pip install {package}, or leave it out of report_to.",
    ),
    Symptom(
        "unknown-argument",
        r"TrainingArguments\.__init__\(\) got an unexpected keyword argument '(?P<name>\w+)'"
        r"|(?:error: )?unrecognized arguments: (?P<name2>[^\n]+)",
        "An argument is not known any more",
        "The installed transformers has renamed or dropped it: {name}.",
        "Leave it out; the recipe's own parameters are kept up to date.",
    ),
    Symptom(
        "accelerate-old",
        r"Using the `Trainer` with `PyTorch` requires `accelerate>=(?P<version>[\d.]+)`",
        "accelerate is too old",
        "transformers needs {version} or newer.",
        "pip install 'alpaca-tui[train]' --upgrade",
    ),
    Symptom(
        "package-missing",
        r"^(?:ModuleNotFoundError: No module named '(?P<name>[\w.]+)'|ImportError: cannot import name '(?P<what>\w+)' from "
        r"'(?P<name2>[\w.]+)')",
        "A package is missing, or of another version",
        "Python finds no {name}[[, or not its {what}]].",
        "pip install 'alpaca-tui[train]' --upgrade",
    ),
)

MODEL = (*TRAINING, *TOKENIZER, *HUB, *FILES, *ARCHITECTURE, *PACKAGES)
