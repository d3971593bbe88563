using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Sockets;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Starts holders. One per agent: its sealed copy of the program is shared by all holders that it starts.</summary>
public sealed class HolderLauncher : IDisposable
{
    private readonly FileDescriptor? _memory;
    private readonly string _file;

    /// <param name="dataDirectory">Where a read-only copy is kept on hosts that forbid programs in memory.</param>
    public HolderLauncher(string dataDirectory)
    {
        _file = Path.Combine(dataDirectory, "nk-holder");
        byte[] program = Program();
        _memory = SealedMemory.TryCreate("nk-holder", program);
        if (_memory is null) WriteFile(program);
    }

    /// <summary>False where vm.memfd_noexec=2: holders run from a file then, which <c>doctor</c> warns of.</summary>
    public bool RunsFromSealedMemory => _memory is not null;

    /// <summary>Starts a holder that serves <see cref="HolderLaunch.SocketPath"/> and connects to it.</summary>
    /// <exception cref="IOException">It could not start; the message says at which step. Nothing is left behind.</exception>
    public async Task<HolderConnection> LaunchAsync(HolderLaunch launch, CancellationToken cancel)
    {
        using SeqPacketSocket socket = SeqPacketSocket.Bind(launch.SocketPath);
        (FileDescriptor statusRead, FileDescriptor statusWrite) = Pipe.Create();
        using FileDescriptor status = statusRead;
        try
        {
            PidFd process;
            using (statusWrite)
                process = Spawn.Start(new SpawnRequest(_file, ["nk-holder", .. launch.CgroupProcs])
                {
                    Descriptors = [null, null, null, socket.Descriptor, statusWrite],
                    Program = _memory,
                    NewSession = true,
                });
            using (process)
            {
                try
                {
                    await ServingAsync(status, process, cancel);
                    return await HolderConnection.ConnectAsync(launch.SocketPath, cancel)
                        ?? throw new IOException($"holder {process.Pid} died while it started");
                }
                catch
                {
                    process.TrySignal(9);
                    await process.ReapAsync(CancellationToken.None);
                    throw;
                }
            }
        }
        catch
        {
            File.Delete(launch.SocketPath);
            throw;
        }
    }

    public void Dispose() => _memory?.Dispose();

    /// <summary>The holder closes the pipe when it listens, and writes into it when it cannot.</summary>
    private static async Task ServingAsync(FileDescriptor status, PidFd process, CancellationToken cancel)
    {
        Pipe.SetNonBlocking(status);
        byte[] text = new byte[512];
        int length = 0, count;
        while ((count = Pipe.Read(status, text.AsSpan(length))) != 0)
        {
            if (count > 0) length += count;
            else await Readiness.Shared.ReadableAsync(status, cancel);
            if (length == text.Length) break;
        }
        if (length > 0)
            throw new IOException($"holder {process.Pid} could not start: {System.Text.Encoding.UTF8.GetString(text, 0, length)}");
    }

    /// <summary>The program that travels inside this assembly.</summary>
    internal static byte[] Program()
    {
        using Stream stream = typeof(HolderLauncher).Assembly.GetManifestResourceStream("nk-holder")
            ?? throw new InvalidOperationException("this build contains no holder; build native/ first");
        byte[] program = new byte[stream.Length];
        stream.ReadExactly(program);
        return program;
    }

    private void WriteFile(byte[] program)
    {
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserExecute;
        string temp = _file + ".tmp";
        File.Delete(temp);
        using (FileStream stream = new(temp, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode }))
        {
            stream.Write(program);
            stream.Flush(flushToDisk: true);
        }
        // Renamed over the old one: running holders keep the inode they were started from.
        File.Move(temp, _file, overwrite: true);
    }
}
