namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>One exec or attach over SPDY: a connection, the streams that its client opens, and the status at the end.</summary>
internal static class SpdyCommand
{
    /// <param name="transport">Stays the caller's.</param>
    /// <param name="run">Returns null when the client has left.</param>
    /// <param name="patience">For the client to open its streams.</param>
    /// <returns>What the client did wrong; null when it did not.</returns>
    public static async Task<string?> ServeAsync(
        Stream transport, SpdyCommandProtocol protocol, CommandWish wish, Func<CommandStreams, CancellationToken, Task<StreamStatus?>> run,
        TimeSpan patience, TimeProvider time, CancellationToken cancel)
    {
        SpdyCommandStreams gathering = new(wish, protocol);
        using SpdyConnection connection = new(transport, gathering.Offer, time);
        Task serving = connection.RunAsync(cancel);
        string? fault = null;
        try
        {
            CommandStreams streams = await gathering.Complete.WaitAsync(patience, time, connection.Gone);
            if (await run(streams, connection.Gone) is { } status) await streams.EndAsync(status, connection.Gone);
        }
        catch (TimeoutException)
        {
            fault = "timed out waiting for client to create streams";
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has left.
        }
        finally
        {
            connection.Close();
            await serving;
        }
        return fault ?? connection.Fault;
    }
}
