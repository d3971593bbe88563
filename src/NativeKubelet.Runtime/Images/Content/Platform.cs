using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace NativeKubelet.Runtime.Images.Content;

/// <summary>What a program runs on, in Go's words: linux, amd64, v2. Empty where nothing is said.</summary>
public sealed record Platform(string Os, string Architecture, string Variant)
{
    // After all that say they suit natively, before what the processor only runs besides.
    private const int Unsaid = 15;

    /// <summary>This machine.</summary>
    public static Platform Host { get; } = RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64
        ? new("linux", "arm64", "v8")
        : new("linux", "amd64", Level());

    /// <summary>
    /// How well a program for this platform suits a host; the lowest number is best. Null when it cannot run there.
    /// The order is containerd's: the own architecture, then what the processor runs besides.
    /// </summary>
    public int? RankOn(Platform host)
    {
        if (Os.Length > 0 && Os != host.Os) return null;
        if (Architecture.Length == 0) return 0;
        return (host.Architecture, Architecture) switch
        {
            ("amd64", "amd64") => Version(Variant, 1) is var v && v <= Version(host.Variant, 1) ? 10 - v : null,
            ("amd64", "386") => 20,
            ("arm64", "arm64") => Version(Variant, 8) is 8 ? 0 : null,
            ("arm64", "arm") => Version(Variant, 7) is >= 5 and <= 8 and var v ? 20 - v : null,
            ("arm", "arm") => Version(Variant, 7) is >= 5 and var v && v <= Version(host.Variant, 7) ? 10 - v : null,
            var (own, other) when own == other => 0,
            _ => null,
        };
    }

    /// <returns>The index entry that suits best, the first of equals; null when none does. Attestations ("unknown") never do.</returns>
    public static ContentDescriptor? Choose(IEnumerable<ContentDescriptor> index, Platform host) =>
        index.Select(d => (Descriptor: d, Rank: d.Platform is null ? Unsaid : d.Platform.RankOn(host)))
            .Where(c => c.Rank is not null).OrderBy(c => c.Rank).Select(c => c.Descriptor).FirstOrDefault();

    public override string ToString() => Variant.Length > 0 ? $"{Os}/{Architecture}/{Variant}" : $"{Os}/{Architecture}";

    private static int Version(string variant, int ifNone) =>
        variant.Length == 0 ? ifNone : variant is ['v', >= '1' and <= '9'] ? variant[1] - '0' : int.MaxValue;

    // The x86-64 psABI's levels, as far as .NET tells of the processor.
    private static string Level() =>
        Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512CD.IsSupported ? "v4"
        : Avx2.IsSupported && Bmi1.IsSupported && Bmi2.IsSupported && Fma.IsSupported && Lzcnt.IsSupported ? "v3"
        : Sse42.IsSupported && Popcnt.IsSupported ? "v2" : "v1";
}
