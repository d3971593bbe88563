using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>What a status says a running container has (spec 30 §9).</summary>
public static class ReportedAmounts
{
    /// <summary>Fewer shares and less quota the kernel does not know: 2 shares are 2m, a quota of 1 ms in 100 is 10m.</summary>
    internal const long LeastRequest = CpuConversions.LeastShares, LeastLimit = 10;

    /// <param name="inForce">What its group was given last.</param>
    /// <param name="granted">What its spec says; where the kernel cannot tell both apart, that is what is told.</param>
    public static ResizableAmounts Of(ResizableAmounts inForce, ResizableAmounts granted) => new(
        AtLeast(LeastRequest, inForce.CpuRequest, granted.CpuRequest), AtLeast(LeastLimit, inForce.CpuLimit, granted.CpuLimit), inForce.MemoryRequest, inForce.MemoryLimit);

    private static long? AtLeast(long least, long? inForce, long? granted) =>
        inForce is null ? null : inForce > least ? inForce : granted is null || granted > least ? least : granted;
}
