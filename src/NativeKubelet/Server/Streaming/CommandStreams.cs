namespace NativeKubelet.Server.Streaming;

/// <summary>What a client wants to see of a command: the query of exec and attach.</summary>
internal sealed record CommandWish(bool Input, bool Output, bool Error, bool Tty);

/// <summary>The streams between one client and one command; null: not asked for.</summary>
/// <param name="JsonStatus">The protocol carries a metav1.Status; older ones carry the words of a failure.</param>
internal sealed record CommandStreams(IByteChannel? Input, IByteChannel? Output, IByteChannel? Error, IByteChannel Status, IByteChannel? Resize, bool JsonStatus)
{
    /// <summary>The outputs' ends go first: a client that has the status has everything.</summary>
    public async Task EndAsync(StreamStatus status, CancellationToken cancel)
    {
        foreach (IByteChannel? channel in (IByteChannel?[])[Output, Error, Input, Resize])
            if (channel is not null) await channel.FinishAsync(cancel);
        byte[] words = JsonStatus ? status.ToJson() : status.ToText();
        if (words.Length > 0) await Status.WriteAsync(words, cancel);
        await Status.FinishAsync(cancel);
    }
}
