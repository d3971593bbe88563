using System.Buffers;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>Reads a pipe to its end and keeps the beginning of what came; the rest is read too, so that no writer is held up.</summary>
/// <param name="pipe">Non-blocking; stays the caller's.</param>
/// <param name="limit">Bytes to keep.</param>
public sealed class PipeCapture(FileDescriptor pipe, int limit)
{
    private const int Chunk = 16 * 1024;
    private readonly ArrayBufferWriter<byte> _kept = new();

    public bool Truncated { get; private set; }

    public byte[] ToArray() => _kept.WrittenSpan.ToArray();

    /// <summary>Ends at the pipe's end, or when cancelled; nothing is thrown then, and what was read so far is the result.</summary>
    public async Task ReadAsync(CancellationToken cancel)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            while (true)
            {
                int count = Pipe.Read(pipe, buffer);
                if (count == 0) return;
                if (count > 0) Keep(buffer.AsSpan(0, count));
                else await Readiness.Shared.ReadableAsync(pipe, cancel);
            }
        }
        catch (OperationCanceledException)
        {
            // A process that lives on may hold the pipe open for ever.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Takes what lies in the pipe at this moment; only after <see cref="ReadAsync"/> has ended.</summary>
    public void Drain()
    {
        Span<byte> buffer = stackalloc byte[4096];
        for (int rounds = 0; rounds < 32 && Pipe.Read(pipe, buffer) is > 0 and var count; rounds++) Keep(buffer[..count]);
    }

    private void Keep(ReadOnlySpan<byte> data)
    {
        int room = limit - _kept.WrittenCount;
        if (data.Length > room) Truncated = true;
        _kept.Write(data[..Math.Min(room, data.Length)]);
    }
}
