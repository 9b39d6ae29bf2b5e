"""What machines do to a run: memory, GPUs, several processes, disks, and whoever ends it. A table, see `symptom`.

The more specific of two that say the same line stands first.
"""

from __future__ import annotations

from alpaca_tui.finetune.symptom import Symptom

_OUT = r"(?:CUDA|HIP|XPU|MPS backend) (?:error: )?out of memory"

MEMORY = (
    Symptom(
        "oom-save",
        rf", in _?(?:save\w*|state_dict|full_state_dict|write_model)$(?:(?!^Traceback)[\s\S]){{0,4000}}?{_OUT}"
        r"(?:\. Tried to allocate (?P<wanted>[\d.]+ \w+))?",
        "The GPU's memory ran out while saving",
        "To save, the parts of the model are gathered[[: {wanted} more were needed]].",
        "Resume from the last checkpoint. Save an adapter (lora) or on fewer devices, or lower micro_batch to leave room.",
    ),
    Symptom(
        "oom-gpu",
        rf"{_OUT}(?:(?:\.|, ) ?Tried to allocate (?P<wanted>[\d.]+ \w+)"
        r"(?:[^\n]{0,60}?capac\w*t?y of (?P<total>[\d.]+ \w+) of which (?P<free>[\d.]+ \w+) is free)?)?"
        r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED",
        "The GPU ran out of memory",
        "A step needs more than there is[[: {wanted} were asked for]][[, {free} of {total} were free]].",
        "Halve micro_batch (the batch stays the same), shorten max_length, turn on checkpointing, or use lora or qlora; "
        "see that nothing else is on the GPU.",
    ),
    Symptom(
        "oom-host",
        r"Out of memory: Killed process \d+ \((?P<process>[^)]+)\)|[Dd]etected \d+ oom[-_]kill|oom-kill:"
        r"|Root Cause[^=]{0,800}?exitcode\s*: -9\b|[Mm]emory cgroup out of memory",
        "The run was killed, most likely for using too much memory",
        "The system kills a process when the machine's memory, or the job's share of it, is used up.",
        "Give it more memory (Slurm: --mem), load fewer or smaller things beside it, or train an adapter. `dmesg` names "
        "what was killed.",
        codes=(-9,),
    ),
    Symptom(
        "ram-refused",
        r"DefaultCPUAllocator: can't allocate memory: you tried to allocate (?P<bytes>\d+) bytes"
        r"|Unable to allocate (?P<size>[\d.]+ \w+) for an array|^MemoryError\b|\bCannot allocate memory\b",
        "The machine has not enough memory",
        "A piece of memory was refused[[: {size}]][[: {bytes} bytes]].",
        "Use a smaller model or micro_batch, or a machine with more memory; see what else runs on it.",
    ),
    Symptom(
        "shared-memory",
        r"is killed by signal: Bus error|dataloader's workers are out of shared memory"
        r"|unable to (?:mmap|open shared memory object|write to file) [^\n]*(?:/dev/shm|torch_)",
        "Shared memory ran out",
        "Processes hand data to each other through /dev/shm, which is too small; containers give it 64 MB.",
        "Start the container with --shm-size=8g (or --ipc=host).",
        codes=(-7,),
    ),
    Symptom(
        "loader-died",
        r"DataLoader worker \(pid(?:\(s\))? (?P<pid>[\d, ]+)\) (?:exited unexpectedly|is killed by signal: (?P<signal>\w+))",
        "A process that prepares data died",
        "It ended without a word[[ (signal: {signal})]]; memory that ran out is the usual reason.",
        "Look at `dmesg` for a kill; give the job more memory.",
        weight=1,
    ),
)

GPU = (
    Symptom(
        "gpu-lost",
        r"GPU has fallen off the bus|\bGPU is lost\b|Unable to determine the device handle for GPU"
        r"|NVRM: Xid \((?P<bus>PCI:[\w:.]+)\): (?P<xid>79|119|120)\b",
        "A GPU stopped answering",
        "It fell off the bus[[ ({bus}, Xid {xid})]]: power, heat or a fault of the hardware.",
        "Restart the machine and resume. If it happens again, its power supply and cooling want checking.",
    ),
    Symptom(
        "gpu-broken",
        r"uncorrectable ECC error|NVRM: Xid \((?P<bus>PCI:[\w:.]+)\): (?P<xid>48|63|64|92|94|95)\b",
        "A GPU's memory is faulty",
        "It met errors it cannot correct[[ ({bus}, Xid {xid})]].",
        "Take another GPU and resume; have this one reset, and replaced if it happens again.",
    ),
    Symptom(
        "driver-old",
        r"NVIDIA driver on your system is too old \(found version (?P<found>\d+)\)"
        r"|CUDA driver version is insufficient for CUDA runtime version",
        "The NVIDIA driver is too old for this torch",
        "torch was built for a newer CUDA than the driver knows[[ ({found})]].",
        "Update the driver, or install the torch build for the CUDA that nvidia-smi shows.",
    ),
    Symptom(
        "no-kernel-image",
        r"no kernel image is available for execution on the device"
        r"|(?P<gpu>[^\n]{1,60}) with CUDA capability (?P<capability>sm_\d+) is not compatible with the current PyTorch",
        "This torch was not built for this GPU",
        "It holds no code for its kind[[: {gpu}]][[ ({capability})]].",
        "Install a torch build that names it: a newer CUDA for a new GPU, an older torch for an old one.",
    ),
    Symptom(
        "no-cuda",
        r"Torch not compiled with CUDA enabled|Found no NVIDIA driver on your system|No CUDA GPUs are available"
        r"|no CUDA-capable device is detected|CUDA unknown error|There is no CUDA device",
        "torch sees no GPU",
        "Either this torch was built for the CPU, or there is no driver, or CUDA_VISIBLE_DEVICES hides every GPU.",
        "See alpaca-tui doctor; install a torch with CUDA, or train on the CPU.",
    ),
    Symptom(
        "gpu-number",
        r"CUDA error: invalid device ordinal|CUDA-capable device\(s\) is/are busy or unavailable"
        r"|Duplicate GPU detected",
        "A GPU that was asked for cannot be had",
        "There are fewer GPUs than processes, or another process has it for itself.",
        "Ask for as many devices as nvidia-smi shows free.",
    ),
    Symptom(
        "token-range",
        r"device-side assert triggered|Assertion `?[^\n]{0,80}(?:srcSelectDimSize|ind >=? ?0|index out of bounds"
        r"|t >= 0 && t < n_classes)|IndexError: index out of range in self"
        r"|IndexError: Target (?P<token>-?\d+) is out of bounds",
        "A token is beyond the model's vocabulary",
        "A number in the examples[[ ({token})]] has no row in the model's embedding: tokenizer and model do not fit, or "
        "tokens were added to one of them only.",
        "Use the tokenizer the model came with.",
    ),
    Symptom(
        "illegal-access",
        r"an illegal (?:memory access|instruction) was encountered|CUDA error: (?P<error>misaligned address"
        r"|unspecified launch failure|launch failed)|CUBLAS_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR)",
        "A GPU kernel went wrong",
        "It read memory that is not its own[[ ({error})]]: a fault in a kernel, a package built for another torch, or "
        "the hardware.",
        "Resume once. If it comes again, do without flash-attn, liger and torch.compile, and update the driver and torch.",
    ),
    Symptom(
        "kernels-need-gpu",
        r"\d+ active drivers \(\[\]\)\. There should only be one|Triton only support(?:s)? CUDA",
        "Kernels were asked for that need a GPU",
        "Triton, which liger and torch.compile write kernels with, finds no GPU driver.",
        "Turn those off, or train on a GPU.",
    ),
)

SEVERAL = (
    Symptom(
        "port-in-use",
        r"port: (?P<port>\d+),[^\n]{0,100}EADDRINUSE|EADDRINUSE|[Aa]ddress already in use|errno: 98\b",
        "A port is in use",
        "Another run, or what is left of one, holds the port the processes meet at[[: {port}]].",
        "End the other run, or start again: another port is chosen each time.",
    ),
    Symptom(
        "no-interface",
        r"Unable to find address for: (?P<name>\S+)|Bootstrap : no socket interface found"
        r"|NCCL_SOCKET_IFNAME[^\n]*no (?:such|matching)",
        "The network interface does not exist",
        "NCCL_SOCKET_IFNAME or GLOO_SOCKET_IFNAME names one that this machine has not[[: {name}]].",
        "Unset it, or name one that `ip link` shows on every machine.",
    ),
    Symptom(
        "no-rendezvous",
        r"Timed out after \d+ seconds waiting for clients\. (?P<joined>\d+)/(?P<all>\d+) clients joined"
        r"|RendezvousTimeoutError|client socket has (?:timed out|failed to connect)[^\n]*",
        "The processes did not find each other",
        "Not all of them reached the meeting place in time[[: {joined} of {all}]].",
        "See whether one of them failed earlier in the log, and whether a firewall stands between the machines.",
        weight=1,
    ),
    Symptom(
        "nccl-timeout",
        r"Watchdog caught collective operation timeout(?::[^\n]*?OpType=(?P<operation>\w+)[^\n]*?ran for (?P<ms>\d+))?"
        r"|Some NCCL operations have failed or timed out",
        "The GPUs waited for each other in vain",
        "One of them never came to a common operation[[ ({operation}, {ms} ms)]]: it failed, hung, or does other work.",
        "Look further up for what the first process to fail said; resume. NCCL_DEBUG=INFO tells more.",
        weight=1,
    ),
    Symptom(
        "nccl-error",
        r"nccl(?:UnhandledCudaError|SystemError|InternalError|RemoteError)[^\n]*(?:\nLast error:\n(?P<error>[^\n]+))?"
        r"|NCCL (?:error in|Error \d)[^\n]*",
        "The GPUs could not talk to each other",
        "NCCL, which carries data between them, failed[[: {error}]].",
        "Look further up for another error; try one device. NCCL_DEBUG=INFO tells more, NCCL_P2P_DISABLE=1 often helps.",
        weight=1,
    ),
    Symptom(
        "gloo",
        r"gloo/transport/\S+\] (?P<error>(?:Read|Write) error[^\n]{0,80}|Connection [^\n]{0,60}|Timed out[^\n]{0,60})"
        r"|Gloo connectFullMesh failed[^\n]*|connect \[[^\]]*\]:\d+: Connection refused",
        "One of the processes went away",
        "The others lost the connection to it[[: {error}]].",
        "Look further up for what it said, or for a kill.",
        weight=1,
    ),
    Symptom(
        "unused-parameters",
        r"Expected to have finished reduction in the prior iteration",
        "Some weights take no part in the loss",
        "With several devices every trained weight must get a gradient; those of a model's other parts do not.",
        "Train an adapter (lora), or on one device.",
    ),
    Symptom(
        "child-failed",
        r"ChildFailedError|ProcessRaisedException|ProcessExitedException",
        "One of the processes failed",
        "torchrun ended the others; what it said stands further up.",
        "Look at the log, above the last report of torchrun.",
        weight=0,
    ),
)

DISK = (
    Symptom(
        "disk-full",
        r"No space left on device|Disk quota exceeded|os error (?:28|122)\b|file write failed"
        r"|inline_container\.cc:\d+\] \. unexpected pos",
        "The disk is full",
        "A checkpoint could not be written whole, or your quota is used up.",
        "Make room (old checkpoints, the Hub's cache), or lower keep; then resume from the last whole checkpoint.",
    ),
    Symptom(
        "no-permission",
        r"\[Errno (?:1|13|30)\] (?:Operation not permitted|Permission denied|Read-only file system)"
        r"(?:: '(?P<path>[^'\n]+)')?|PermissionError at (?P<path2>\S+)",
        "A file may not be written or read",
        "You have no right to it, or the disk is read-only[[: {path}]].",
        "Change its owner or mode, or use another folder (HF_HOME is where models are kept).",
    ),
    Symptom(
        "too-many-files",
        r"\[Errno 24\] Too many open files|Too many open files \(os error 24\)",
        "Too many files are open",
        "A process may open only so many at once (`ulimit -n`).",
        "ulimit -n 65536, then start it again.",
    ),
    Symptom(
        "disk-fault",
        r"\[Errno (?:5|116|121)\] (?P<error>Input/output error|Stale file handle|Remote I/O error)(?:: '(?P<path>[^'\n]+)')?",
        "The storage failed",
        "A file could not be read or written: {error}[[ ({path})]].",
        "See whether the disk or the network drive is there; then resume.",
    ),
)

ENDED = (
    Symptom(
        "slurm-time",
        r"JOB (?P<job>\d+) ON (?P<node>\S+) CANCELLED AT [^\n]*DUE TO TIME LIMIT",
        "Slurm's time was over",
        "Job {job} came to its time limit.",
        "Resume it. Ask for more time (--time), and for a signal before the end: --signal=TERM@300.",
    ),
    Symptom(
        "slurm-cancelled",
        r"JOB (?P<job>\d+) ON (?P<node>\S+) CANCELLED AT [^\n]*?(?:DUE TO (?P<reason>PREEMPTION|NODE FAILURE[^\n*]*))?\s*\*\*\*",
        "Slurm ended the job",
        "Job {job} on {node} was cancelled[[ ({reason})]].",
        "Resume it: submit it again.",
    ),
    Symptom(
        "ctrl-c",
        r"^KeyboardInterrupt\b|got signal: 2\b|Received 2 death signal",
        "It was interrupted",
        "Somebody pressed Ctrl-C, or sent SIGINT.",
        "Resume it.",
        codes=(-2,),
        weight=1,
    ),
    Symptom(
        "hang-up",
        r"got signal: 1\b|Received 1 death signal|^Hangup\b",
        "Its terminal was closed",
        "The process belonged to a terminal or an ssh connection that ended (SIGHUP).",
        "Resume it with --detach, which belongs to no terminal.",
        codes=(-1,),
        weight=1,
    ),
    Symptom(
        "ended-from-outside",
        r"got signal: 15\b|Received 15 death signal|^Terminated\b",
        "It was told to end",
        "Another program sent SIGTERM: a scheduler, a shutdown, or somebody's kill.",
        "Resume it.",
        codes=(-15,),
        weight=1,
    ),
    Symptom(
        "cpu-unfit",
        r"^Illegal instruction\b|Signal 4 \(SIGILL\) received",
        "The processor lacks an instruction",
        "A package was built for a newer processor than this one.",
        "Install builds for this kind of machine (torch for the CPU of its make).",
        codes=(-4,),
    ),
    Symptom(
        "crash",
        r"^Fatal Python error: (?P<error>[^\n]+)|^Segmentation fault|Signal 11 \(SIGSEGV\) received",
        "A library crashed",
        "Not Python, but compiled code below it broke[[: {error}]]; often two packages that do not fit together.",
        "Reinstall torch and the packages built for it; do without flash-attn, liger and torch.compile.",
        codes=(-11,),
        weight=1,
    ),
    Symptom(
        "aborted",
        r"^terminate called after throwing an instance of '(?P<error>[^']+)'|^Aborted\b|Signal 6 \(SIGABRT\) received",
        "A library gave up",
        "Compiled code ended the process[[: {error}]]; what it said stands before.",
        "Look further up in the log.",
        codes=(-6,),
        weight=0,
    ),
)

MACHINE = (*MEMORY, *GPU, *SEVERAL, *DISK, *ENDED)
