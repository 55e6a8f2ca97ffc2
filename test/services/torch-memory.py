"""Bytes that a transformer's layer keeps until its backward pass, and those of parameters, gradients and states of Adam. Prints JSON."""
import json
import sys

import torch
import torch.utils.checkpoint

sequence, batch, hidden, heads = (int(word) for word in sys.argv[1:5])
torch.manual_seed(1)
wide = torch.bfloat16


def dropped(x):
    return x.masked_fill(torch.rand(x.shape) < 0.1, 0)


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.LayerNorm(hidden), torch.nn.LayerNorm(hidden)
        self.qkv, self.out = torch.nn.Linear(hidden, 3 * hidden), torch.nn.Linear(hidden, hidden)
        self.up, self.down = torch.nn.Linear(hidden, 4 * hidden), torch.nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        parts = self.qkv(self.first(x)).view(sequence, batch * heads, 3 * hidden // heads).transpose(0, 1)
        q, k, v = parts.chunk(3, dim=2)
        scores = dropped(torch.softmax(torch.bmm(q, k.transpose(1, 2)), dim=2))
        mixed = torch.bmm(scores, v).transpose(0, 1).reshape(sequence, batch, hidden)
        x = x + dropped(self.out(mixed))
        return x + dropped(self.down(torch.nn.functional.gelu(self.up(self.second(x)))))


def kept(work, own):
    """Bytes of the storages that are saved for the backward pass, each once, without parameters."""
    storages = {}
    left_out = {tensor.storage().data_ptr() for tensor in own}

    def pack(tensor):
        storage = tensor.storage()
        if storage.data_ptr() not in left_out:
            storages[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = work()
    return result, sum(size for size, _ in storages.values())


layer = Layer().to(wide)
x = torch.randn(sequence, batch, hidden, dtype=wide, requires_grad=True)
_, all_bytes = kept(lambda: layer(x), layer.parameters())
_, none_bytes = kept(lambda: torch.utils.checkpoint.checkpoint(layer, x), layer.parameters())

model = Layer()
optimizer = torch.optim.Adam(model.parameters())
model(torch.randn(sequence, batch, hidden)).sum().backward()
optimizer.step()
size = lambda tensors: sum(one.nelement() * one.element_size() for one in tensors)
states = [value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value) and value.dim() > 0]
print(json.dumps({
    "parameters": sum(one.nelement() for one in model.parameters()),
    "parameterBytes": size(model.parameters()), "gradientBytes": size(one.grad for one in model.parameters()),
    "stateBytes": size(states), "all": all_bytes, "none": none_bytes,
}))
