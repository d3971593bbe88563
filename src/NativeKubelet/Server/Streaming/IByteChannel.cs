namespace NativeKubelet.Server.Streaming;

/// <summary>One of a client's streams, whatever protocol carries it. Both directions end by themselves, each without the other.</summary>
internal interface IByteChannel
{
    /// <returns>0 when the client has said that nothing more comes.</returns>
    /// <exception cref="IOException">The client gave the stream up, or is gone.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel);

    /// <summary>Waits while the client does not take what was sent before.</summary>
    /// <exception cref="IOException">The client gave the stream up, or is gone.</exception>
    ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancel);

    /// <summary>Says that nothing more comes; a second time, or to a client that is gone, is no error.</summary>
    ValueTask FinishAsync(CancellationToken cancel);
}
