using System.Buffers;
using NativeKubelet.Core.Logs;

namespace NativeKubelet.Runtime.Streams;

/// <summary>
/// Makes lines of records. A long line comes in pieces, and pieces of stdout and stderr may alternate: each stream's pieces are
/// kept until their line is whole, so that no line is ever torn by another.
/// </summary>
internal sealed class LogLines(Stream to, LogOptions options) : IDisposable
{
    /// <summary>More than this should not wait to be given out.</summary>
    private const int Plenty = 48 * 1024;

    /// <summary>A line without an end is given out in parts of this size.</summary>
    private const int MostPending = 1024 * 1024;

    private readonly Pending _out = new(), _error = new();
    private readonly byte[]? _since = options.Since is { } since
        ? System.Text.Encoding.ASCII.GetBytes(since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff")) : null;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private int _filled;
    private long _left = options.Limit ?? long.MaxValue;
    private bool _reached = options.Since is null;

    /// <summary>The limit is reached: nothing more will be given out.</summary>
    public bool Done => _left == 0;

    /// <summary>It is time for a <see cref="FlushAsync"/>.</summary>
    public bool Full => _filled >= Plenty || Done;

    /// <param name="record">Without its newline. What is no record is left out.</param>
    public void Add(ReadOnlySpan<byte> record)
    {
        if (!CriLogLine.TryParse(record, out CriLogLine line) || !Reached(line)) return;
        if (options.OnlyErrors is { } errors && errors != line.IsError) return;
        Pending pending = line.IsError ? _error : _out;
        if (line.IsPartial)
        {
            if (pending.Length == 0 && options.Timestamps)
            {
                pending.Add(line.Time);
                pending.Add(" "u8);
            }
            pending.Add(line.Content);
            if (pending.Length > MostPending) Give(pending);
            return;
        }
        if (pending.Length > 0) Give(pending);
        else if (options.Timestamps && !pending.Begun)
        {
            Write(line.Time);
            Write(" "u8);
        }
        pending.Begun = false;
        Write(line.Content);
        Write("\n"u8);
    }

    /// <summary>Whoever reads slowly holds up this reader, and no thread.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        if (_filled > 0) await to.WriteAsync(_buffer.AsMemory(0, _filled), cancel);
        _filled = 0;
        await to.FlushAsync(cancel);
    }

    /// <summary>What never got its end is given as it is.</summary>
    public void End()
    {
        if (_out.Length > 0) Give(_out);
        if (_error.Length > 0) Give(_error);
    }

    public void Dispose()
    {
        byte[] buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        _out.Dispose();
        _error.Dispose();
    }

    private bool Reached(CriLogLine line)
    {
        if (_reached) return true;
        // The holder writes UTC with nine digits, which compares as text; other writers' forms are taken apart.
        _reached = line.Time is [.., (byte)'Z'] && line.Time.Length == 30
            ? line.Time[..27].SequenceCompareTo(_since) >= 0
            : line.ParseTime() is not { } at || at >= options.Since;
        return _reached;
    }

    private void Give(Pending pending)
    {
        Write(pending.Bytes);
        pending.Clear();
        pending.Begun = true;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes[..(int)Math.Min(bytes.Length, _left)];
        _left -= bytes.Length;
        if (bytes.Length > _buffer.Length - _filled)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _filled + bytes.Length));
            _buffer.AsSpan(0, _filled).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        bytes.CopyTo(_buffer.AsSpan(_filled));
        _filled += bytes.Length;
    }

    /// <summary>The pieces of a line so far.</summary>
    private sealed class Pending : IDisposable
    {
        private byte[] _bytes = [];

        public int Length { get; private set; }

        /// <summary>Its first part has been given out already.</summary>
        public bool Begun { get; set; }

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

        public void Add(ReadOnlySpan<byte> piece)
        {
            if (_bytes.Length - Length < piece.Length)
            {
                byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(32 * 1024, (Length + piece.Length) * 2));
                Bytes.CopyTo(larger);
                Dispose();
                _bytes = larger;
            }
            piece.CopyTo(_bytes.AsSpan(Length));
            Length += piece.Length;
        }

        public void Clear() => Length = 0;

        public void Dispose()
        {
            if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }
    }
}
