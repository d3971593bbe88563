using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Containers;

/// <summary>Where test containers' variables come from.</summary>
internal static class Sources
{
    public static readonly DownwardFacts Facts = new(
        ["10.88.0.5"], ["10.0.0.1", "fd00::1"],
        ResourceAmounts.None.With("cpu", Quantity.FromWhole(4)).With("memory", Quantity.Parse("8Gi")).With("ephemeral-storage", Quantity.Parse("100Gi")));

    /// <summary>No object, no file.</summary>
    public static readonly EnvironmentSources None = new(Facts, _ => null, _ => null, (_, path) => throw new FileNotFoundException(path));
}
