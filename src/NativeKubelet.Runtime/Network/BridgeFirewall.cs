using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// The bridge's packet rules: by nf_tables where the kernel has all that they need, else by iptables. They are replaced whole,
/// and again when another program has flushed them.
/// </summary>
/// <param name="nft">Tried first; null where an agent of this boot had to use the other already.</param>
internal sealed partial class BridgeFirewall(IBridgeTables? nft, IBridgeTables iptables, string bridge, TimeProvider time, ILogger log) : IDisposable
{
    // A program that flushes again and again must not keep us busy.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _end = new();
    private readonly ILogger _log = log;
    private IBridgeTables _tables = nft ?? iptables;
    private bool _written, _disposed;
    private (ImmutableArray<Subnet> Subnets, ImmutableArray<PortForward> Forwards)? _content;

    /// <exception cref="IOException">Neither way is open on this node; the message holds both causes.</exception>
    public void Replace(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards)
    {
        lock (_gate)
        {
            try
            {
                _tables.Write(subnets, forwards);
            }
            catch (ErrnoException e) when (_tables == nft && !_written)
            {
                WriteOtherwise(subnets, forwards, e);
            }
            _content = (subnets, forwards);
            if (_written) return;
            _written = true;
            _ = Task.Run(WatchAsync);
        }
    }

    public void Remove()
    {
        lock (_gate)
        {
            _content = null;
            _tables.Remove();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _end.Cancel();
            _content = null;
            nft?.Dispose();
            iptables.Dispose();
        }
        _end.Dispose();
    }

    private void WriteOtherwise(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards, ErrnoException cause)
    {
        _tables.Remove();       // of two families one may have been possible
        try
        {
            iptables.Write(subnets, forwards);
        }
        catch (IOException e)
        {
            throw new IOException($"{cause.Message}; and by iptables: {e.Message}", e);
        }
        _tables = iptables;
        IptablesUsed(bridge, cause.Message);
    }

    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                await _tables.LossAsync(_end.Token);
                lock (_gate)
                {
                    if (_content is { } content)
                    {
                        // At once: with the rules the guard of the node's loopback is gone, too.
                        _tables.Write(content.Subnets, content.Forwards);
                        RulesRestored(bridge);
                    }
                }
                await Task.Delay(Pause, time, _end.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The network is being given up.
        }
        catch (Exception e)
        {
            RulesUnwatched(bridge, e);
        }
    }

    [LoggerMessage(LogLevel.Information, "FirewallByIptables bridge={Bridge}: this kernel's nf_tables cannot do what pods need: {Cause}")]
    private partial void IptablesUsed(string bridge, string cause);

    [LoggerMessage(LogLevel.Warning, "FirewallRulesRestored bridge={Bridge}: another program had taken them away")]
    private partial void RulesRestored(string bridge);

    [LoggerMessage(LogLevel.Error, "FirewallRulesUnwatched bridge={Bridge}: they come back with the next pod that has host ports, or at the next start")]
    private partial void RulesUnwatched(string bridge, Exception cause);
}
