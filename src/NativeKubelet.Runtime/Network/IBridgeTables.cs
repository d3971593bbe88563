using System.Collections.Immutable;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Runtime.Network;

/// <summary>The packet rules of one bridge, by whichever of the kernel's two interfaces this node has. One caller at a time.</summary>
internal interface IBridgeTables : IDisposable
{
    /// <summary>Makes exactly these rules true, whatever was there. The guard of the loopback addresses stands before anything else.</summary>
    /// <exception cref="IOException">The kernel or its tools cannot do this; nothing is promised about what stands then.</exception>
    void Write(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards);

    /// <summary>Nothing of the bridge is left; what is gone already is no error.</summary>
    void Remove();

    /// <summary>Waits until another program has, or may have, taken something away. Only after a first write.</summary>
    Task LossAsync(CancellationToken cancel);
}
