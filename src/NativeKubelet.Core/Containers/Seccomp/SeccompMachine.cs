using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Core.Containers.Seccomp;

/// <summary>What conditions of a profile are asked of.</summary>
/// <param name="Architecture">As Go names it: amd64, arm64.</param>
public sealed record SeccompMachine(string Architecture, int KernelMajor, int KernelMinor)
{
    /// <summary>The machine's own first, then those whose programs it runs too: a filter that left them out would let them through, or kill them.</summary>
    public ImmutableArray<string> Architectures => Architecture switch
    {
        "amd64" => ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "arm64" => ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "riscv64" => ["SCMP_ARCH_RISCV64"],
        "ppc64le" => ["SCMP_ARCH_PPC64LE"],
        "s390x" => ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
        _ => [],
    };

    /// <param name="release">As uname -r says it: 6.1.0-13-amd64.</param>
    public static SeccompMachine Of(string architecture, string release)
    {
        string[] parts = release.Split('.', '-', '+');
        return new(architecture, Number(parts, 0), Number(parts, 1));
    }

    /// <param name="version">MAJOR.MINOR.</param>
    public bool HasKernel(string version)
    {
        string[] parts = version.Split('.');
        return (KernelMajor, KernelMinor).CompareTo((Number(parts, 0), Number(parts, 1))) >= 0;
    }

    private static int Number(string[] parts, int index) =>
        index < parts.Length && int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
