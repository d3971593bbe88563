using System.Net.WebSockets;

namespace NativeKubelet.Server.Streaming.WebSockets;

/// <summary>One exec or attach over a WebSocket: its channels, and the status at the end.</summary>
internal static class WebSocketCommand
{
    private const int Input = 0, Output = 1, Error = 2, Status = 3, Resize = 4;

    /// <inheritdoc cref="Spdy.SpdyCommand.ServeAsync"/>
    public static async Task<string?> ServeAsync(
        WebSocket socket, ChannelProtocol protocol, CommandWish wish, Func<CommandStreams, CancellationToken, Task<StreamStatus?>> run, TimeProvider time, CancellationToken cancel)
    {
        using ChannelSocket channels = new(socket, protocol, time);
        CommandStreams streams = new(
            wish.Input ? channels.Open(Input, reads: true) : null, wish.Output ? channels.Open(Output, reads: false) : null,
            wish.Error ? channels.Open(Error, reads: false) : null, channels.Open(Status, reads: false), channels.Open(Resize, reads: true), protocol.JsonStatus);
        Task receiving = channels.RunAsync(cancel);
        try
        {
            // Tells the client that the connection stands.
            await (streams.Output ?? streams.Error ?? streams.Status).WriteAsync(default, channels.Gone);
            if (await run(streams, channels.Gone) is { } status) await streams.EndAsync(status, channels.Gone);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has left.
        }
        finally
        {
            await channels.CloseAsync(receiving);
            socket.Abort();
            await receiving;
        }
        return channels.Fault;
    }
}
