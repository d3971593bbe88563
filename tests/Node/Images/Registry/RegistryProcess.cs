using System.Net;
using System.Net.Sockets;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>What a docker-registry is told beside its address and directory, in its own words.</summary>
public sealed record RegistryOptions(string Auth = "", string Tls = "")
{
    public const string User = "right", Password = "horse";

    /// <summary>One user; the registry takes no other form than bcrypt.</summary>
    public static RegistryOptions Basic(string directory)
    {
        string file = Path.Combine(directory, "htpasswd");
        // "horse" with the lowest cost.
        File.WriteAllText(file, User + ":$2b$04$abcdefghijklmnopqrstuuz8fopI114RyghuYhvhf71t8S.jRpJhq\n");
        return new($"auth: {{htpasswd: {{realm: test, path: {file}}}}}");
    }

    public static RegistryOptions Token(Uri realm, string authority) =>
        new($"auth: {{token: {{realm: \"{realm}\", service: test-service, issuer: test-issuer, rootcertbundle: {authority}}}}}");

    public static RegistryOptions Encrypted(string certificate, string key, string? clients = null) =>
        new(Tls: $", tls: {{certificate: {certificate}, key: {key}{(clients is null ? "" : $", clientcas: [{clients}]")}}}");
}

/// <summary>A real docker-registry on loopback; its content stays in the directory for the next one.</summary>
public sealed class RegistryProcess : IAsyncDisposable
{
    private const string Program = "/usr/bin/docker-registry";
    private readonly PidFd _process;

    private RegistryProcess(PidFd process, int port)
    {
        _process = process;
        Host = $"127.0.0.1:{port}";
    }

    public string Host { get; }

    public static async Task<RegistryProcess> StartAsync(string directory, CancellationToken cancel, RegistryOptions? options = null)
    {
        Assert.SkipUnless(File.Exists(Program), "needs docker-registry");
        Assert.SkipUnless(File.Exists("/usr/bin/skopeo"), "needs skopeo");
        Directory.CreateDirectory(directory);
        options ??= new();
        for (int attempt = 0; ; attempt++)
        {
            int port = LoopbackPort.Free();
            string configuration = Path.Combine(directory, "config.yml");
            await File.WriteAllTextAsync(configuration,
                $"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {directory}/data}}}}\n{options.Auth}\nhttp: {{addr: 127.0.0.1:{port}{options.Tls}}}\n", cancel);
            PidFd process = Spawn.Start(new(Program, [Program, "serve", configuration]) { Environment = ["PATH=/usr/bin:/bin", "HOME=/nonexistent"] });
            RegistryProcess registry = new(process, port);
            if (await registry.ListensAsync(port, cancel)) return registry;
            await registry.DisposeAsync();
            // Another took the port between our look and its start.
            Assert.True(attempt < 5, "docker-registry does not answer");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.TrySignal(9);
        await _process.WaitForExitAsync(CancellationToken.None);
        await _process.ReapAsync(CancellationToken.None);
        _process.Dispose();
    }

    private async Task<bool> ListensAsync(int port, CancellationToken cancel)
    {
        Task ended = _process.WaitForExitAsync(cancel);
        while (!ended.IsCompleted)
            try
            {
                using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, port, cancel);
                return true;
            }
            catch (SocketException)
            {
                // It listens when it is ready; there is nothing else to wait for.
                await Task.WhenAny(ended, Task.Delay(20, cancel));
            }
        return false;
    }
}
