"""What programs print when a run dies, word for word: of torch 2.13, transformers 5.24, peft 0.21, bitsandbytes 0.50,
safetensors 0.8 and huggingface_hub 2.4 as installed or provoked; of what needs a GPU, a cluster or an older version,
from public bug reports.
"""

from __future__ import annotations

import textwrap

TORCHRUN = """\
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
=======================================================
alpaca_tui.finetune.worker FAILED
-------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-28_14:24:21
  host      : localhost
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 26431)  (SIGTERM)
  error_file: <N/A>
  traceback : Signal 15 (SIGTERM) received by PID 26431
-------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-28_14:24:21
  host      : localhost
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 26432){signal}
  error_file: <N/A>
  traceback : {told}
=======================================================
"""
TORCHRUN_KILLED = TORCHRUN.format(
    code=-9, signal="  (SIGKILL)", told="Signal 9 (SIGKILL) received by PID 26432"
)
TORCHRUN_FAILED = TORCHRUN.format(
    code=1, signal=" ", told="To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html"
)
TORCHRUN_CRASHED = TORCHRUN.format(
    code=-11, signal="  (SIGSEGV)", told="Signal 11 (SIGSEGV) received by PID 26432"
)
GLOO_CLOSED = (
    "[rank0]: RuntimeError: [/__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by "
    "peer [127.0.0.1]:56975. This is typically caused by a remote worker crashing. Check the logs of the remote worker"
)
CUDA_OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of "
    "which 1.25 GiB is free. Including non-PyTorch memory, this process has 77.84 GiB memory in use. Of the allocated "
    "memory 76.01 GiB is allocated by PyTorch, and 1.02 GiB is reserved by PyTorch but unallocated. If reserved but "
    "unallocated memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See "
    "documentation for Memory Management  (https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)"
)
CUDA_TAIL = textwrap.dedent("""\
    CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
    For debugging consider passing CUDA_LAUNCH_BLOCKING=1
    Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
""")
NCCL_TIMEOUT = (
    "[rank0]:[E1218 20:27:21.426415540 ProcessGroupNCCL.cpp:629] [Rank 0] Watchdog caught collective operation timeout: "
    "WorkNCCL(SeqNum=1, OpType=BROADCAST, NumelIn=131072000, NumelOut=131072000, Timeout(ms)=600000) ran for 600081 "
    "milliseconds before timing out."
)

MESSAGES: dict[str, tuple[str, ...]] = {
    "oom-save": (
        '  File "/venv/transformers/trainer.py", line 3021, in _save_checkpoint\n'
        "    self.save_model(output_dir, _internal_call=True)\n"
        '  File "/venv/torch/distributed/fsdp/fully_sharded_data_parallel.py", line 1100, in state_dict\n'
        "    full = tensor.full_tensor()\n"
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 12.55 GiB. GPU 0 has a total capacity of 79.10 GiB "
        "of which 3.25 GiB is free.",
    ),
    "oom-gpu": (
        CUDA_OOM,
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total capacty of 23.65 "
        "GiB of which 1.66 GiB is free. Including non-PyTorch memory, this process has 20.81 GiB memory in use.",
        "RuntimeError: CUDA out of memory. Tried to allocate 12.50 MiB (GPU 0; 10.92 GiB total capacity; 8.57 MiB already "
        "allocated; 9.28 GiB free; 4.68 MiB cached)",
        "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 34.00 MiB. GPU 0 has a total capacity of 15.98 GiB of "
        "which 18.00 MiB is free.",
        "RuntimeError: CUDA error: out of memory\n" + CUDA_TAIL,
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ),
    "oom-host": (
        "[1234567.890] Out of memory: Killed process 26432 (python) total-vm:98765432kB, anon-rss:65432100kB",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=11300781.0. Some of the step tasks have been OOM Killed.",
        "slurmstepd: error: Detected 2 oom-kill event(s) in step 3756240.batch cgroup.",
        TORCHRUN_KILLED,
    ),
    "ram-refused": (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.11 PiB for an array with shape "
        "(1000000000000000,) and data type float64",
        'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nMemoryError',
        "OSError: [Errno 12] Cannot allocate memory",
    ),
    "shared-memory": (
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\n"
        "RuntimeError: DataLoader worker (pid 117) is killed by signal: Bus error. It is possible that dataloader's workers "
        "are out of shared memory. Please try to raise your shared memory limit.",
        "RuntimeError: unable to write to file </torch_117_2884_0>: No space left on device (28)",
    ),
    "loader-died": (
        "RuntimeError: DataLoader worker (pid(s) 25715) exited unexpectedly",
        "RuntimeError: DataLoader worker (pid 9126) is killed by signal: Killed. ",
    ),
    "gpu-lost": (
        "[74889.644132] NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus.",
        "Unable to determine the device handle for GPU0000:03:00.0: Unknown Error",
        "pynvml.NVMLError_GpuIsLost: GPU is lost",
    ),
    "gpu-broken": (
        "RuntimeError: CUDA error: uncorrectable ECC error encountered\n" + CUDA_TAIL,
        "NVRM: Xid (PCI:0000:41:00): 94, pid=2310, name=python, Contained: SM (0x1).",
    ),
    "driver-old": (
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by "
        "downloading and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx Alternatively, go "
        "to: https://pytorch.org to install a PyTorch version that has been compiled with your version of the CUDA driver.",
        "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version",
    ),
    "no-kernel-image": (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\n" + CUDA_TAIL,
        "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch installation.\n"
        "The current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.",
    ),
    "no-cuda": (
        "AssertionError: Torch not compiled with CUDA enabled",
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a "
        "driver from http://www.nvidia.com/Download/index.aspx",
        "RuntimeError: No CUDA GPUs are available",
        "There is no CUDA device. torch sees none: no NVIDIA GPU, no driver, or a torch built for the CPU.",
    ),
    "gpu-number": (
        "RuntimeError: CUDA error: invalid device ordinal\n" + CUDA_TAIL,
        "RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable\n" + CUDA_TAIL,
        "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 5000",
    ),
    "token-range": (
        "../aten/src/ATen/native/cuda/Indexing.cu:1308: indexSelectLargeIndex: block: [61,0,0], thread: [117,0,0] Assertion "
        "`srcIndex < srcSelectDimSize` failed.\ntorch.AcceleratorError: CUDA error: device-side assert triggered\n"
        + CUDA_TAIL,
        "/pytorch/aten/src/ATen/native/cuda/Loss.cu:245: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: "
        "[4,0,0] Assertion `t >= 0 && t < n_classes` failed.",
        "IndexError: index out of range in self",
        "IndexError: Target 50 is out of bounds.",
    ),
    "illegal-access": (
        "torch.AcceleratorError: CUDA error: an illegal memory access was encountered\n" + CUDA_TAIL,
        "RuntimeError: CUDA error: unspecified launch failure",
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx( handle, opa, opb, m, n, k)`",
    ),
    "kernels-need-gpu": ("RuntimeError: 0 active drivers ([]). There should only be one.",),
    "port-in-use": (
        "torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: "
        "39403, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use",
        "OSError: [Errno 98] Address already in use",
    ),
    "no-interface": (
        "RuntimeError: [enforce fail at /__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/device.cc:84] ifa != "
        "nullptr. Unable to find address for: eth9",
        "node1:2310:2310 [0] bootstrap.cc:45 NCCL WARN Bootstrap : no socket interface found",
    ),
    "no-rendezvous": (
        "torch.distributed.DistStoreError: Timed out after 3 seconds waiting for clients. 1/2 clients joined.",
        "torch.distributed.DistNetworkError: The client socket has timed out after 2000ms while trying to connect to "
        "(127.0.0.1, 1).",
        "torch.distributed.elastic.rendezvous.api.RendezvousTimeoutError",
    ),
    "nccl-timeout": (
        NCCL_TIMEOUT,
        "[rank1]:[E1218 20:27:22 ProcessGroupNCCL.cpp:681] [Rank 1] Some NCCL operations have failed or timed out. Due to "
        "the asynchronous nature of CUDA kernels, subsequent GPU operations might run on corrupted/incomplete data.",
    ),
    "nccl-error": (
        "[rank7]: torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.hpp:275, "
        "unhandled cuda error (run with NCCL_DEBUG=INFO for details), NCCL version 2.20.5\n"
        "[rank7]: ncclUnhandledCudaError: Call to CUDA function failed.\n"
        "[rank7]: Last error:\n[rank7]: Cuda failure 1 'invalid argument'",
        "RuntimeError: NCCL Error 2: unhandled system error",
    ),
    "gloo": (
        GLOO_CLOSED,
        "RuntimeError: [/__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error "
        "[127.0.0.1]:11488: Connection reset by peer. This is typically caused by a remote worker hanging or bugs in the app",
        "RuntimeError: Gloo connectFullMesh failed with [../third_party/gloo/gloo/transport/tcp/pair.cc:144] no error",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:799] connect [127.0.1.1]:40357: Connection refused",
    ),
    "unused-parameters": (
        "RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one. This error "
        "indicates that your module has parameters that were not used in producing loss.",
    ),
    "child-failed": (TORCHRUN_FAILED,),
    "disk-full": (
        "OSError: [Errno 28] No space left on device",
        "OSError: [Errno 122] Disk quota exceeded: '/home/me/runs/1/checkpoints'",
        "safetensors_rust.SafetensorError: Error while serializing: I/O error: No space left on device (os error 28)",
        "RuntimeError: [enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598",
        "RuntimeError: PytorchStreamWriter failed writing file data/0: file write failed",
    ),
    "no-permission": (
        "PermissionError: [Errno 13] Permission denied: '/proc/1/mem'",
        "OSError: [Errno 30] Read-only file system: '/mnt/models/x'",
        "OSError: PermissionError at /root/.cache/huggingface/hub/.locks when downloading a/b. Check cache directory "
        "permissions. Common causes: 1) another user is downloading the same model (please wait);",
    ),
    "too-many-files": ("OSError: [Errno 24] Too many open files: '/dev/shm/x'",),
    "disk-fault": (
        "OSError: [Errno 116] Stale file handle: '/nfs/runs/1/metrics.jsonl'",
        "OSError: [Errno 5] Input/output error",
    ),
    "slurm-time": (
        "slurmstepd: error: *** JOB 3884617 ON node023 CANCELLED AT 2018-08-19T16:30:21 DUE TO TIME LIMIT ***",
    ),
    "slurm-cancelled": (
        "slurmstepd: error: *** JOB 3884617 ON node023 CANCELLED AT 2026-08-19T16:30:21 DUE TO PREEMPTION ***",
        "slurmstepd: error: *** JOB 3884617 ON node023 CANCELLED AT 2026-08-19T16:30:21 ***",
    ),
    "ctrl-c": ("Traceback (most recent call last):\n  File \"w.py\", line 3, in <module>\nKeyboardInterrupt",),
    "hang-up": (
        "W1128 14:25:03.763000 26543 torch/distributed/elastic/agent/server/api.py:753] Received 1 death signal, shutting "
        "down workers\ntorch.distributed.elastic.multiprocessing.api.SignalException: Process 26543 got signal: 1",
    ),
    "ended-from-outside": (
        "W1128 14:24:53.725000 26478 torch/distributed/elastic/agent/server/api.py:753] Received 15 death signal, shutting "
        "down workers\ntorch.distributed.elastic.multiprocessing.api.SignalException: Process 26478 got signal: 15",
    ),
    "cpu-unfit": ("Illegal instruction (core dumped)",),
    "crash": (
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f0f36bd5b80 (most recent call first):",
        "Segmentation fault (core dumped)",
        TORCHRUN_CRASHED,
    ),
    "aborted": ("terminate called after throwing an instance of 'c10::Error'", "Aborted (core dumped)"),
    "not-a-number": (
        "alpaca_tui.finetune.training.trainer.NotANumber: step 12: loss nan, gradient norm nan",
        "alpaca_tui.finetune.training.trainer.NotANumber: step 12: loss 1.25, gradient norm inf",
        "{'loss': '0.0', 'grad_norm': 'nan', 'learning_rate': '1.9e-05', 'epoch': '0.02'}",
        "RuntimeError: The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped. "
        "To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`",
        "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
    ),
    "loss-zero": (
        "alpaca_tui.finetune.training.trainer.NotANumber: step 3: the loss is exactly zero",
        "{'loss': 0.0, 'grad_norm': 0.0, 'learning_rate': 1.9e-05, 'epoch': 0.02}",
    ),
    "fp16-weights": ("ValueError: Attempting to unscale FP16 gradients.",),
    "no-bf16": (
        "ValueError: Your setup doesn't support bf16/gpu. You need to assign use_cpu if you want to train the model on CPU. "
        "You need Ampere+ GPU with cuda>=11.0.",
        "ValueError: --tf32 requires Ampere or a newer GPU arch, cuda>=11 and torch>=1.7",
    ),
    "mixed-types": (
        "RuntimeError: mat1 and mat2 must have the same dtype, but got BFloat16 and Float",
        "RuntimeError: expected scalar type Half but found Float",
    ),
    "no-gradient": ("RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",),
    "quantised-only": (
        "ValueError: You cannot perform fine-tuning on purely quantized models. Please attach trainable adapters on top of "
        "the quantized model to correctly perform fine-tuning.",
    ),
    "resume-other": (
        "ValueError: loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        "ValueError: Can't find a valid checkpoint at /runs/1/checkpoints/checkpoint-20",
    ),
    "no-end-token": (
        "This tokenizer has no end token. A model trained without an end-of-sequence token never stops answering.",
        "ValueError: Asking to pad but the tokenizer does not have a padding token. Please select a token to use as "
        "`pad_token` `(tokenizer.pad_token = tokenizer.eos_token e.g.)`",
    ),
    "tokenizer-new": (
        "Exception: data did not match any variant of untagged enum ModelUntagged at line 1 column 40",
    ),
    "no-tokenizer": (
        "ValueError: Couldn't instantiate the backend tokenizer from one of: \n"
        "(1) a `tokenizers` library serialization file, \n"
        "You need to have sentencepiece or tiktoken installed to convert a slow tokenizer to a fast one.",
    ),
    "gated": (
        "huggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: Root=1-6824e511)\n\nOSError: You are trying "
        "to access a gated repo.\nMake sure to have access to it at https://huggingface.co/google/gemma-3-4b-pt.\n"
        "403 Client Error. (Request ID: Root=1-6824e511)\n\nCannot access gated repo for url "
        "https://huggingface.co/google/gemma-3-4b-pt/resolve/main/config.json.\n"
        "Access to model google/gemma-3-4b-pt is restricted and you are not in the authorized list.",
    ),
    "no-such-model": (
        "OSError: no/such is not a local folder and is not a valid model identifier listed on "
        "'https://huggingface.co/models'\nIf this is a private repository, make sure to pass a token having permission to "
        "this repo either by logging in with `hf auth login` or by passing `token=<your_token>`",
        "OSError: v9 is not a valid git identifier (branch name, tag name or commit id) that exists for this model name.",
        "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': "
        "'a/b/c'. Use `repo_type` argument if needed.",
    ),
    "bad-token": ("OSError: Invalid user token.",),
    "hub-busy": (
        "huggingface_hub.errors.HfHubHTTPError: \n\n429 Too Many Requests: you have reached your 'api' rate limit.\n"
        "Retry after 55 seconds (0/1000 requests remaining in current 300s window).",
    ),
    "no-network": (
        "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached "
        "files.\nCheck your internet connection or see how to run the library in offline mode at "
        "'https://huggingface.co/docs/transformers/installation#offline-mode'.",
        "httpx.ConnectError: [Errno -3] Temporary failure in name resolution",
    ),
    "weights-pickle": (
        "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options, "
        "\x1b[1mdo those steps only if you trust the source of the checkpoint\x1b[0m. ",
        "ValueError: Due to a serious vulnerability issue in `torch.load`, even with `weights_only=True`, we now require "
        "users to upgrade torch to at least v2.6 in order to use the function.",
        "failed: The weights in /models/x are pickles. Opening a pickle can run any code, so they are not opened.",
    ),
    "weights-torn": (
        "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, file not "
        "fully covered",
        "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: header too small",
        "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: invalid JSON in header: key must "
        "be a string at line 1 column 2",
        "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
        "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory. This is an "
        "internal miniz error.",
    ),
    "no-weights": (
        "OSError: Error no file named model.safetensors, or pytorch_model.bin, found in directory /models/x.",
        "OSError: a/b does not appear to have a file named config.json. Checkout 'https://huggingface.co/a/b/tree/main' for "
        "available files.",
    ),
    "other-size": (
        "RuntimeError: Error(s) in loading state_dict for Linear:\n\tsize mismatch for weight: copying a param with shape "
        "torch.Size([2, 3]) from checkpoint, the shape in current model is torch.Size([2, 2]).",
        "model.norm.weight | MISMATCH | Reinit due to size mismatch - ckpt: torch.Size([16]) vs model:torch.Size([32])\n\n"
        "RuntimeError: You set `ignore_mismatched_sizes` to `False`, thus raising an error. For details look at the above "
        "report!",
    ),
    "no-adapter": ("ValueError: Can't find 'adapter_config.json' at '/runs/1/model'",),
    "config-broken": ("OSError: It looks like the config file at '/m/config.json' is not a valid JSON file.",),
    "own-code": (
        "ValueError: The repository a/b contains custom code which must be executed to correctly load the model. You can "
        "inspect the repository content at https://hf.co/a/b .\n You can inspect the repository content at "
        "https://hf.co/a/b.\nPlease pass the argument `trust_remote_code=True` to allow custom code to be run.",
    ),
    "unknown-kind": (
        "ValueError: The checkpoint you are trying to load has model type `zeta9` but Transformers does not recognize this "
        "architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out "
        "of date.",
        "ValueError: Unrecognized model in /m. Should have a `model_type` key in its config.json.",
    ),
    "config-new": (
        '  File "/venv/site-packages/transformers/models/llama/modeling_llama.py", line 84, in __init__\n'
        "    rope_init_fn = ROPE_INIT_FUNCTIONS[self.rope_type]\n"
        "                   ~~~~~~~~~~~~~~~~~~~^^^^^^^^^^^^^^^^\n"
        "KeyError: 'foo'",
        "huggingface_hub.errors.StrictDataclassFieldValidationError: Validation error for field 'hidden_size':\n"
        "    TypeError: Field 'hidden_size' expected int, got str (value: 'x')",
    ),
    "recursion": ("RecursionError: maximum recursion depth exceeded while calling a Python object",),
    "adapter-targets": (
        "peft.utils.error.NoMatchingPeftModuleError: Target modules {'q_projj'} not found in the base model. Please check "
        "the target modules and try again.",
        "ValueError: Target module LlamaModel(\n  (embed_tokens): Embedding(32, 16)\n  (layers): ModuleList(\n) is not "
        "supported. Currently, only the following modules are supported: `torch.nn.Linear`, `torch.nn.Embedding`.",
    ),
    "bnb-no-gpu": (
        "RuntimeError: Method 'cquantize_blockwise_fp16_nf4' not available in CPU-only version of bitsandbytes.\n"
        "Reinstall with GPU support or use CUDA-enabled hardware.",
        "🚨 CUDA SETUP ERROR: Missing dependency: libcusparse.so.12 🚨",
        "RuntimeError: None of the available devices `available_devices = {'mlu'}` are supported by the bitsandbytes version "
        "you have installed: `bnb_supported_devices = {'cuda', 'cpu'}`. ",
    ),
    "bnb-missing": (
        "ImportError: Using `bitsandbytes` 4-bit quantization requires bitsandbytes: `pip install -U bitsandbytes>=0.46.1`",
    ),
    "flash-attn": (
        "ImportError: FlashAttention2 has been toggled on, but it cannot be used due to the following error: the package for "
        "FlashAttention2 doesn't seem to be installed.",
        "RuntimeError: FlashAttention only supports Ampere GPUs or newer.",
    ),
    "built-for-other": (
        "ImportError: /venv/flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEa",
        "OSError: libcudart.so.12: cannot open shared object file: No such file or directory",
        "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.32' not found (required by /venv/x.so)",
    ),
    "compile": (
        "torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:\nRuntimeError: Failed to find C compiler. "
        "Please specify via CC environment variable.",
        "torch._inductor.exc.InductorError: InvalidCxxCompiler: No working C++ compiler found in "
        "torch._inductor.config.cpp.cxx: (None, '/nonexistent')",
        "/tmp/tmpk2x1/cuda_utils.c:6:10: fatal error: Python.h: No such file or directory",
    ),
    "tracker-login": (
        "wandb: ERROR api_key not configured (no-tty). call wandb.login(key=[your_api_key])",
        "wandb.errors.errors.UsageError: No API key configured. Use `wandb login` to log in.",
    ),
    "tracker-missing": ("RuntimeError: WandbCallback requires wandb to be installed. Run `pip install wandb`.",),
    "unknown-argument": (
        "TypeError: TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'",
    ),
    "accelerate-old": (
        "ImportError: Using the `Trainer` with `PyTorch` requires `accelerate>=1.1.0`: Please run `pip install "
        "transformers[torch]` or `pip install 'accelerate>=1.1.0'`",
    ),
    "package-missing": (
        "ModuleNotFoundError: No module named 'peft'",
        "ImportError: cannot import name 'is_torch_tpu_available' from 'accelerate.utils' (/venv/accelerate/utils/__init__.py)",
    ),
}  # fmt: skip

HEALTHY = """\
2026-11-28 14:22:03,120 alpaca_tui.finetune: The device is free.
[transformers] `torch_dtype` is deprecated! Use `dtype` instead!
/venv/bitsandbytes/optim/optimizer.py:518: UserWarning: Paged optimizers are not supported on CPU. Falling back to \
non-paged optimizer behavior.
/venv/torch/cuda/__init__.py:180: UserWarning: CUDA initialization: The NVIDIA driver on your system is too old (found \
version 11040). Please update your GPU driver
'[Errno -2] Name or service not known' thrown while requesting HEAD https://huggingface.co/a/b/resolve/main/config.json
Retrying in 1s [Retry 1/5].
Loading weights: 100%|██████████| 12/12 [00:00<00:00, 7460.96it/s]
Token indices sequence length is longer than the specified maximum sequence length for this model (600 > 512).
{'loss': '6.043', 'grad_norm': '2.1', 'learning_rate': '1.9e-05', 'epoch': '0.02'}
 26%|██▌       | 10/39 [00:05<00:14,  1.95it/s]
{'loss': '0.0013', 'grad_norm': '0.71', 'learning_rate': '0', 'epoch': '1'}
{'eval_loss': '1.52', 'eval_runtime': '0.4', 'epoch': '1'}
{'train_runtime': '22.1', 'train_samples_per_second': '54', 'train_loss': '2.66', 'epoch': '3'}
2026-11-28 14:40:03,120 alpaca_tui.finetune: finished
"""
