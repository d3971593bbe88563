namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>Reads a whole answer that must be small, from someone who may send without end or stop in the middle.</summary>
internal static class BoundedBody
{
    /// <param name="idle">The longest time without a byte.</param>
    /// <exception cref="RegistryFailure">Refused: too long. Passing: broke off.</exception>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int limit, TimeSpan idle, TimeProvider time, CancellationToken cancel)
    {
        if (response.Content.Headers.ContentLength > limit) throw TooLong(limit);
        using MemoryStream whole = new();
        byte[] buffer = new byte[16 * 1024];
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancel);
            while (true)
            {
                int count = await ReadSomeAsync(body, buffer, idle, time, cancel);
                if (count == 0) return whole.ToArray();
                if (whole.Length + count > limit) throw TooLong(limit);
                whole.Write(buffer, 0, count);
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new RegistryFailure(FailureKind.Passing, $"the answer broke off: {e.Message}", inner: e);
        }
    }

    /// <exception cref="IOException">The connection broke, or nothing came for too long.</exception>
    public static async ValueTask<int> ReadSomeAsync(Stream body, Memory<byte> buffer, TimeSpan idle, TimeProvider time, CancellationToken cancel)
    {
        using CancellationTokenSource silent = new(idle, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancel, silent.Token);
        try
        {
            return await body.ReadAsync(buffer, either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new IOException($"nothing came for {idle.TotalSeconds:0} s", e);
        }
    }

    private static RegistryFailure TooLong(int limit) => new(FailureKind.Refused, $"the answer is larger than {limit / 1024} KiB");
}
