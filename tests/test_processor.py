import platform

import pytest

from convcam_jax.system import processor

X86 = "processor\t: 0\nmodel name\t: AMD EPYC 9B45\nflags\t\t: fpu avx512f avx512_bf16 fma\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd bf16 i8mm\n"
OLD = "processor\t: 0\nmodel name\t: AMD EPYC 7B13\nflags\t\t: fpu avx2 abf16 fma\n"


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "_CPUINFO", file)
    processor.multiplies_bfloat16.cache_clear()
    yield file
    processor.multiplies_bfloat16.cache_clear()


@pytest.mark.parametrize(("text", "expected"), [(X86, True), (ARM, True), (OLD, False)])
def test_units_for_bfloat16_are_read_from_the_flags(cpuinfo, text, expected):
    cpuinfo.write_text(text)
    assert processor.multiplies_bfloat16() is expected


def test_without_linux_nothing_is_known(cpuinfo):
    assert not cpuinfo.exists()
    assert processor.multiplies_bfloat16() is False
    assert processor.processor_name() == platform.processor()


def test_name_of_the_processor(cpuinfo):
    cpuinfo.write_text(X86)
    assert processor.processor_name() == "AMD EPYC 9B45"
