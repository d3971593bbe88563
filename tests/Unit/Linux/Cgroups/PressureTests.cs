using System.Text;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Tests.Unit.Linux.Cgroups;

public sealed class PressureTests
{
    [Theory]
    [InlineData("")]
    [InlineData("some\n")]
    [InlineData("some avg10=0.00 avg60=0.00 total=1\n")]
    [InlineData("some avg10=x avg60=0.00 avg300=0.00 total=1\n")]
    [InlineData("some avg10=0.00 avg60=0.00 avg300=0.00 total=-1\n")]
    [InlineData("some avg10=NaN avg60=0.00 avg300=0.00 total=1\n")]
    [InlineData("full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n")]
    public void What_is_no_pressure_is_none(string text) => Assert.Null(Pressure.Parse(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void The_kernels_own_text_is_read()
    {
        if (!File.Exists("/proc/pressure/memory")) Assert.Skip("this kernel tells no pressure");

        Pressure? read = Pressure.Parse(File.ReadAllBytes("/proc/pressure/memory"));

        Assert.InRange(read!.Some.Avg10, 0, 100);
        Assert.True(read.Some.TotalMicroseconds >= read.Full.TotalMicroseconds);
    }

    [Fact]
    public void Swap_in_use_is_what_is_not_free() =>
        Assert.Equal(3L << 20, MachineMemory.ParseSwapUsed("MemTotal:       10 kB\nSwapTotal:    4096 kB\nSwapFree:     1024 kB\n"));
}
