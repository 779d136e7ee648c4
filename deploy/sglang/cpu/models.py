"""Write the tiny models: right in form, with random weights. Runs under the SGLang environment's Python.

- `text`: a Llama of two layers, with a tokenizer trained on a few words;
- `lora`: an adapter for it, big enough to change what it says;
- `vision`: a Mistral 3 as Mistral Small 3.1 is, a Pixtral tower before a Mistral text model, with Mistral's own Tekken
  vocabulary, so that its token counts are real; a picture costs rows x (columns + 1) tokens of 28 px, its longer side
  at most 1540 px;
- `embedding`: a Llama whose vectors have the 384 dimensions that Quire stores.

The same seeds give the same weights, so a reply at temperature 0 is the same every time.
"""

# ruff: noqa: S106 - the tokenizer's "tokens" are no secrets

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mistral_common
import torch  # type: ignore[import-not-found,unused-ignore]
from safetensors.torch import save_file  # type: ignore[import-not-found,unused-ignore]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (  # type: ignore[import-not-found,unused-ignore]
    LlamaConfig,
    LlamaForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PixtralImageProcessor,
    PixtralProcessor,
    PreTrainedTokenizerFast,
)
from transformers.integrations.mistral.tokenizer import (  # type: ignore[import-not-found,unused-ignore]
    MistralConverter,
)

CONTEXT = 131_072
LAYERS = 2
HIDDEN = 64
# Two heads of keys and values for four of queries, sixteen wide.
KEYS = 32
RANK = 4
DIMENSIONS = 384
BEGIN, END = 1, 2
MARKS = ["[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[IMG]", "[IMG_BREAK]", "[IMG_END]"]
WORDS = [
    "the quick brown fox jumps over the lazy dog and runs away",
    '{"name": "value", "items": [1, 2, 3], "ok": true, "none": null}',
]
# Mistral's form: the system prompt and each turn of the user's between marks, a picture's mark where it stands.
CHAT = (
    "{{- '<s>' }}{% for m in messages %}"
    "{% if m['content'] is string %}{% set c = m['content'] %}{% else %}{% set ns = namespace(t='') %}"
    "{% for p in m['content'] %}{% if p['type'] == 'text' %}{% set ns.t = ns.t + p['text'] %}"
    "{% elif p['type'] in ['image', 'image_url'] %}{% set ns.t = ns.t + '[IMG]' %}{% endif %}{% endfor %}"
    "{% set c = ns.t %}{% endif %}"
    "{% if m['role'] == 'system' %}[SYSTEM_PROMPT]{{ c }}[/SYSTEM_PROMPT]"
    "{% elif m['role'] == 'user' %}[INST]{{ c }}[/INST]{% else %}{{ c }}</s>{% endif %}{% endfor %}"
)


def tokenizer() -> Any:
    """Return a byte-level BPE tokenizer: any text can be said in it."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<unk>", "<s>", "</s>", *MARKS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(WORDS * 50, trainer)
    return _fast(trained)


def tekken() -> Any:
    """Return Mistral's tokenizer, as mistral-common's wheel carries it."""
    vocabulary = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    return _fast(MistralConverter(vocab_file=str(vocabulary), add_prefix_space=False).converted())


def _fast(tokens: Tokenizer) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
        additional_special_tokens=MARKS,
        model_max_length=CONTEXT,
        chat_template=CHAT,
    )


def _decoder(words: Any, *, hidden: int = HIDDEN, **more: object) -> dict[str, object]:
    return {
        "vocab_size": len(words),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": hidden // 16,
        "num_key_value_heads": hidden // 32,
        "head_dim": 16,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        "pad_token_id": END,
        "tie_word_embeddings": False,
        **more,
    }


def _save(model: Any, folder: Path, *processors: Any) -> None:
    model = model.to(torch.bfloat16)
    model.generation_config.bos_token_id, model.generation_config.eos_token_id = BEGIN, END
    model.save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)


def llama(folder: Path, *, hidden: int = HIDDEN) -> None:
    """Write a text model."""
    words = tokenizer()
    torch.manual_seed(0)
    _save(LlamaForCausalLM(LlamaConfig(**_decoder(words, hidden=hidden, rope_theta=1e6))), folder, words)


def lora(folder: Path, *, base: Path) -> None:
    """Write an adapter for the text model, in PEFT's format."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    shapes = {
        "q_proj": (HIDDEN, HIDDEN),
        "k_proj": (HIDDEN, KEYS),
        "v_proj": (HIDDEN, KEYS),
        "o_proj": (HIDDEN, HIDDEN),
    }
    weights = {}
    for layer in range(LAYERS):
        for name, (into, out) in shapes.items():
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{prefix}.lora_A.weight"] = torch.randn(RANK, into)
            weights[f"{prefix}.lora_B.weight"] = torch.randn(out, RANK)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.name,
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(shapes),
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def mistral3(folder: Path) -> None:
    """Write a vision-language model."""
    words = tekken()
    pictures = PixtralImageProcessor(size={"longest_edge": 1540}, patch_size={"height": 14, "width": 14})
    processor = PixtralProcessor(
        image_processor=pictures,
        tokenizer=words,
        patch_size=14,
        spatial_merge_size=2,
        image_token="[IMG]",
        image_break_token="[IMG_BREAK]",
        image_end_token="[IMG_END]",
        chat_template=CHAT,
    )
    torch.manual_seed(0)
    settings = Mistral3Config(
        text_config=_decoder(words, model_type="mistral", rope_theta=1e9, sliding_window=None),
        vision_config={
            "model_type": "pixtral",
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "head_dim": 16,
            "image_size": 1540,
            "patch_size": 14,
            "num_channels": 3,
            "rope_theta": 10_000.0,
        },
        image_token_index=words.convert_tokens_to_ids("[IMG]"),
        spatial_merge_size=2,
        multimodal_projector_bias=False,
        projector_hidden_act="gelu",
        vision_feature_layer=-1,
        # Its default, True, leaves the head out of the file; SGLang goes by the text model's word, finds none to read,
        # and computes with whatever the memory held.
        tie_word_embeddings=False,
    )
    _save(Mistral3ForConditionalGeneration(settings), folder, processor, words)


def main(folder: Path) -> None:
    """Write them all into `folder`."""
    llama(folder / "text")
    lora(folder / "lora", base=folder / "text")
    mistral3(folder / "vision")
    llama(folder / "embedding", hidden=DIMENSIONS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
