using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>A docker-registry with images in it, and a store that pulls from it through the client of the program.</summary>
public sealed class RegistryBench : IAsyncDisposable
{
    private readonly StoreHost _host = new();
    private readonly List<IDisposable> _clients = [];
    private RegistryProcess? _process;
    private int _stores;

    public RegistryBench() => Settings = new()
    {
        HostsDirectories = [this["certs.d"]],
        CredentialFiles = [this["config.json"]],
        Proxy = ProxyRules.None,
        Retry = new(4, TimeSpan.FromMilliseconds(5), TimeSpan.FromSeconds(2)),
    };

    public RegistrySettings Settings { get; set; }

    public StoreHost Host => _host;

    /// <summary>Of the docker-registry that runs.</summary>
    public string Server => _process!.Host;

    public string this[string name] => _host[name];

    /// <summary>Starts it, or another on the same content.</summary>
    public async Task StartAsync(RegistryOptions? options = null)
    {
        if (_process is not null) await _process.DisposeAsync();
        _process = await RegistryProcess.StartAsync(_host["registry-process"], StoreHost.Deadline(), options);
    }

    /// <summary>Puts an image of one layer with one file into it, by skopeo. To be called while it asks for nothing.</summary>
    public Task PushAsync(string name, string content) => PushAsync(name, new LayerBuilder().File("content", content));

    public async Task PushAsync(string name, params LayerBuilder[] layers)
    {
        string layout = LayoutWriter.Write(_host[$"layout-{Guid.NewGuid():n}"], "v1", [.. layers.Select(l => l.Plain())]);
        await Tool.RunAsync("/usr/bin/skopeo", "copy", "--quiet", "--dest-tls-verify=false", $"oci:{layout}:v1", $"docker://{Server}/{name}");
    }

    /// <summary>Says how a registry is reached.</summary>
    public string Configure(string registry, string hosts, string file = "hosts.toml")
    {
        string directory = Directory.CreateDirectory(Path.Combine(_host["certs.d"], registry)).FullName;
        File.WriteAllText(Path.Combine(directory, file), hosts);
        return directory;
    }

    /// <summary>Files a credential on the node.</summary>
    public void Remember(string registry, string user, string password)
    {
        string auth = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
        File.WriteAllText(_host["config.json"], $$$"""{"auths":{"{{{registry}}}":{"auth":"{{{auth}}}"} } }""");
    }

    /// <summary>A store without any image.</summary>
    public ImageStore NewStore()
    {
        RegistryClient client = new(Settings, TimeProvider.System, NullLogger<RegistryClient>.Instance);
        string name = $"store{++_stores}";
        ImageStore store = ImageStore.Open(_host.Paths with { Data = _host[name], Run = _host[name + "-run"] }, client, LayerLimits.Default, TimeProvider.System, NullLogger.Instance);
        _clients.Add(store);
        _clients.Add(client);
        return store;
    }

    /// <summary>Pulls into a new store.</summary>
    public Task<ImageRecord> PullAsync(string reference, params RegistryCredential[] credentials) => NewStore().PullAsync(reference, [.. credentials], null, StoreHost.Deadline());

    public async Task<ImageException> FailAsync(string reference, params RegistryCredential[] credentials) =>
        await Assert.ThrowsAsync<ImageException>(() => PullAsync(reference, credentials));

    public async ValueTask DisposeAsync()
    {
        foreach (IDisposable client in _clients) client.Dispose();
        if (_process is not null) await _process.DisposeAsync();
        _host.Dispose();
    }
}
