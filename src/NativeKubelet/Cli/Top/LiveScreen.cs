using System.Collections.Immutable;
using System.Runtime.InteropServices;
using NativeKubelet.Cli.Streams;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Cli.Top;

/// <summary>The alternate screen with keys as they are pressed. The former screen, cursor and mode are back when disposed, and no signal ends the process before.</summary>
internal sealed class LiveScreen : IDisposable
{
    private const string Enter = "\e[?1049h\e[?25l\e[?7l", Leave = "\e[?7h\e[?25h\e[?1049l";
    private const int SignalBase = 128;

    private readonly CliConsole _console;
    private readonly IDisposable? _raw;
    private readonly ImmutableArray<PosixSignalRegistration> _signals;
    private readonly TaskCompletionSource<int> _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TaskCompletionSource _resized = New();

    public LiveScreen(CliConsole console, ConsoleEnds ends)
    {
        _console = console;
        _signals =
        [
            Ends(PosixSignal.SIGHUP, 1), Ends(PosixSignal.SIGINT, 2), Ends(PosixSignal.SIGQUIT, 3), Ends(PosixSignal.SIGTERM, 15),
            PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _resized.TrySetResult()),
        ];
        if (Terminal.IsTerminal(ends.In))
        {
            _raw = Terminal.MakeRaw(ends.In);
            new Thread(() => ReadKeys(ends.In)) { IsBackground = true, Name = "keys" }.Start();
        }
        console.Out.Write(Enter);
        console.Out.Flush();
    }

    /// <summary>The exit code, once the user has left.</summary>
    public Task<int> Left => _left.Task;

    /// <summary>Completes at the next change of the window's size.</summary>
    public Task Resized
    {
        get
        {
            if (_resized.Task.IsCompleted) _resized = New();
            return _resized.Task;
        }
    }

    public void Paint(IReadOnlyList<string> lines)
    {
        // In one write, and erasing only what is behind the text: nothing flickers.
        _console.Out.Write("\e[H" + string.Join("\e[K\r\n", lines) + "\e[K\e[J");
        _console.Out.Flush();
    }

    public void Dispose()
    {
        try
        {
            _console.Out.Write(Leave);
            _console.Out.Flush();
        }
        catch (IOException)
        {
            // The terminal is gone, and with it what was to be restored.
        }
        finally
        {
            _raw?.Dispose();
            foreach (PosixSignalRegistration signal in _signals) signal.Dispose();
        }
    }

    private void ReadKeys(FileDescriptor from)
    {
        const byte controlC = 3, controlD = 4;
        byte[] keys = new byte[64];
        try
        {
            while (OpenedFile.Read(from, keys, "stdin") is > 0 and var count)
            {
                if (!keys.AsSpan(0, count).ContainsAny("qQ"u8) && !keys.AsSpan(0, count).ContainsAny(controlC, controlD)) continue;
                _left.TrySetResult(0);
                return;
            }
        }
        catch (IOException)
        {
        }
        // The terminal was closed.
        _left.TrySetResult(0);
    }

    private PosixSignalRegistration Ends(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _left.TrySetResult(SignalBase + number);
    });

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
