using System.Threading.Channels;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Sources;

/// <summary>Where desired pods come from. It publishes full sets; whoever reads them merges (Core's SourceMerge).</summary>
public interface IPodSource
{
    /// <summary>"file", "http" or "api".</summary>
    string Name { get; }

    /// <summary>A first set was delivered, if only an empty one. Until every source is ready nothing may be removed.</summary>
    bool Ready { get; }

    /// <summary>Holds the newest set only: a reader that was slow gets the present, not the past. Completed when the source has ended.</summary>
    ChannelReader<PodSet> Sets { get; }

    /// <summary>Watches until cancelled. One bad manifest is a problem in the set, never an exception.</summary>
    Task RunAsync(CancellationToken cancel);
}
