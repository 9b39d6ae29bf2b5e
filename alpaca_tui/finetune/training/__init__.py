"""What happens inside the training process. Only `finetune.worker` imports from here: these modules need torch."""
