using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Import;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Archives as other tools write them, and as nobody should.</summary>
public sealed class ImportTests : IDisposable
{
    private const string Skopeo = "/usr/bin/skopeo", Umoci = "/usr/bin/umoci", Buildah = "/usr/bin/buildah";
    private readonly StoreHost _host = new();

    [Theory]
    [InlineData("docker-archive:{0}:example.com/team/app:1", "example.com/team/app:1")]
    [InlineData("docker-archive:{0}:busybox", "docker.io/library/busybox:latest")]
    [InlineData("oci-archive:{0}:example.com/team/app:1", "example.com/team/app:1")]
    [InlineData("oci-archive:{0}:latest", null)]
    [InlineData("oci:{0}:example.com/team/app:1", "example.com/team/app:1")]
    public async Task What_skopeo_writes_is_imported_under_the_name_that_it_has(string form, string? name)
    {
        string source = _host.MakeImage("source.tar"), target = _host["written"];
        Assert.SkipUnless(File.Exists(Skopeo), "needs skopeo");
        Tool.Run(Skopeo, "copy", "--quiet", $"oci-archive:{source}", string.Format(form, target));

        ImageRecord image = Assert.Single(await _host.Store.ImportAsync(target, StoreHost.Deadline()));

        Assert.Equal(name is null ? [] : [name], image.RepoTags);
        Assert.Equal(image.Id, Assert.Single(await _host.Store.ImportAsync(source, StoreHost.Deadline())).Id);
        Assert.Single(_host.LayerDirectories);
        Assert.Equal("x\n", Tool.Run("/usr/sbin/chroot", await _host.MountAsync(image, "one"), "/bin/echo", "x"));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task A_compressed_archive_is_told_by_its_bytes(string compression)
    {
        string source = _host.MakeImage("source.tar"), packed = _host["packed.with-any-name"];
        using ZstdSharp.Compressor zstd = new();
        if (compression == "zstd") File.WriteAllBytes(packed, zstd.Wrap(File.ReadAllBytes(source)).ToArray());
        else Tool.Run("/bin/sh", "-c", $"gzip -c <{source} >{packed}");

        ImageRecord image = Assert.Single(await _host.Store.ImportAsync(packed, StoreHost.Deadline()));

        Assert.Equal(["localhost/nativekubelet/hello:latest"], image.RepoTags);
        Assert.Equal(["/bin/httpd", "-f", "-v", "-p", "8080", "-h", "/www"], image.Config.Cmd);
        Assert.Empty(Directory.GetFiles(Path.Combine(_host.StoreDirectory, "scratch")));
    }

    [Fact]
    public async Task Zstd_layers_of_skopeo_are_unpacked()
    {
        Assert.SkipUnless(File.Exists(Skopeo), "needs skopeo");
        Tool.Run(Skopeo, "copy", "--quiet", "--dest-compress-format", "zstd", "--dest-compress", $"oci-archive:{_host.MakeImage("source.tar", "--compress", "none")}", $"oci:{_host["zstd"]}:example.com/z:1");
        Assert.Contains("tar+zstd", string.Concat(Directory.GetFiles(_host["zstd/blobs/sha256"]).Where(f => new FileInfo(f).Length < 4096).Select(File.ReadAllText)), StringComparison.Ordinal);

        ImageRecord image = Assert.Single(await _host.Store.ImportAsync(_host["zstd"], StoreHost.Deadline()));

        Assert.True(File.Exists(Path.Combine(await _host.MountAsync(image, "one"), "bin/busybox")));
    }

    [Fact]
    public async Task What_buildah_builds_from_nothing_is_imported()
    {
        Assert.SkipUnless(File.Exists(Buildah), "needs buildah");
        string[] common = ["--storage-driver", "vfs", "--root", _host["buildah"], "--runroot", _host["buildah-run"]];
        string container = (await Tool.RunAsync(Buildah, [.. common, "from", "scratch"])).Trim();
        Tool.Run(Buildah, [.. common, "copy", container, "/bin/busybox", "/bin/busybox"]);
        Tool.Run(Buildah, [.. common, "config", "--cmd", "[\"/bin/busybox\",\"true\"]", "--user", "1000:2000", "--env", "A=b c", "--workingdir", "/w", "--stop-signal", "SIGQUIT", "--volume", "/v", container]);
        Tool.Run(Buildah, [.. common, "commit", "--quiet", container, $"oci-archive:{_host["built.tar"]}:localhost/built:1"]);

        ImageRecord image = Assert.Single(await _host.Store.ImportAsync(_host["built.tar"], StoreHost.Deadline()));

        Assert.Equal(["localhost/built:1"], image.RepoTags);
        Assert.Equal(("1000:2000", "/w", "SIGQUIT"), (image.Config.User, image.Config.WorkingDir, image.Config.StopSignal));
        Assert.Equal(["/v"], image.Config.Volumes);
        Assert.Contains("A=b c", image.Config.Env);
    }

    [Fact]
    public async Task Our_root_file_system_is_the_one_that_umoci_unpacks()
    {
        Assert.SkipUnless(File.Exists(Umoci), "needs umoci");
        LayerBuilder[] layers =
        [
            new LayerBuilder().Directory("./").Directory("bin/").File("bin/tool", "tool", (UnixFileMode)0x9ED, uid: 3).Hardlink("bin/again", "bin/tool")
                .Directory("etc/").File("etc/a", "a").File("etc/b", "b").Directory("opaque/").File("opaque/old").Symlink("link", "etc").Directory("tmp/", (UnixFileMode)0x3FF)
                .Directory("swap/").File("swap/inside").File("file", "file"),
            new LayerBuilder().Directory("etc/").Whiteout("etc/a").File("etc/c", "c", uid: 9).Directory("opaque/").Opaque("opaque").File("opaque/new", "new")
                .Whiteout("swap").Directory("dir/").Directory("dir/deep/").File("dir/deep/x"),
            new LayerBuilder().File("swap", "now a file").Whiteout("dir/deep/x").File("tmp/here").Whiteout("file").Directory("file/").File("file/in-it"),
        ];
        string layout = LayoutWriter.Write(_host["layout"], "v1", [.. layers.Select(l => l.Plain())]);
        Tool.Run(Umoci, "unpack", "--image", $"{layout}:v1", _host["bundle"]);
        ImageRecord image = Assert.Single(await _host.Store.ImportAsync(layout, StoreHost.Deadline()));

        string ours = await _host.MountAsync(image, "one");

        // Times of directories are left out: umoci changes them by removing from them.
        string Listing(string root) => Tool.Run("/bin/sh", "-c", $"cd {root} && find . \\( -type d -printf '%p %m %U %G %y\\n' \\) -o -printf '%p %m %U %G %y %l %s %n %T@\\n' | sort");
        Assert.Equal(Listing(_host["bundle/rootfs"]), Listing(ours));
    }

    [Fact]
    public async Task Of_several_platforms_only_ours_is_needed()
    {
        string layout = LayoutWriter.Write(_host["layout"], "example.com/multi:1", new LayerBuilder().File("a").Plain());
        string index = File.ReadAllText(Path.Combine(layout, "index.json"));
        string ours = index[(index.IndexOf("\"digest\"", StringComparison.Ordinal))..index.IndexOf(",\"annotations\"", StringComparison.Ordinal)];
        string other = $"\"digest\":\"sha256:{new string('7', 64)}\",\"size\":10";
        byte[] nested = Encoding.UTF8.GetBytes($$$"""
            {"schemaVersion":2,"manifests":[
              {"mediaType":"application/vnd.oci.image.manifest.v1+json",{{{other}}},"platform":{"os":"linux","architecture":"s390x"}},
              {"mediaType":"application/vnd.oci.image.manifest.v1+json",{{{other}}},"platform":{"os":"unknown","architecture":"unknown"}},
              {"mediaType":"application/vnd.oci.image.manifest.v1+json",{{{ours}}},"platform":{"os":"linux","architecture":"{{{Platform.Host.Architecture}}}"}}]}
            """);
        File.WriteAllBytes(Path.Combine(layout, "blobs/sha256", ContentDigest.Of(nested).Hex), nested);
        File.WriteAllText(Path.Combine(layout, "index.json"), $$$"""
            {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{{{ContentDigest.Of(nested)}}}","size":{{{nested.Length}}},
              "annotations":{"org.opencontainers.image.ref.name":"example.com/multi:1"}}]}
            """);

        ImageRecord image = Assert.Single(await _host.Store.ImportAsync(layout, StoreHost.Deadline()));

        Assert.Equal([$"example.com/multi@{ContentDigest.Of(nested)}"], image.RepoDigests);
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "empty", "" }, { "text", "this is no archive" }, { "zeros", new string('\0', 10_240) },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task What_is_no_image_archive_is_refused_in_words(string name, string content)
    {
        File.WriteAllText(_host[name], content);

        ImageException failure = await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(_host[name], StoreHost.Deadline()));

        Assert.StartsWith(_host[name] + ": ", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(_host["missing"], StoreHost.Deadline()));
        await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(Directory.CreateDirectory(_host["directory"]).FullName, StoreHost.Deadline()));
    }

    [Fact]
    public async Task A_layout_that_leads_elsewhere_or_keeps_us_waiting_is_refused()
    {
        File.WriteAllText(_host["secret"], "secret");
        string layout = LayoutWriter.Write(_host["layout"], "example.com/a:1", new LayerBuilder().File("a").Plain());
        foreach (string blob in Directory.GetFiles(Path.Combine(layout, "blobs/sha256")))
        {
            string kept = blob + ".kept";
            File.Move(blob, kept);
            File.CreateSymbolicLink(blob, _host["secret"]);
            await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(layout, StoreHost.Deadline()));
            File.Delete(blob);
            Tool.Run("/usr/bin/mkfifo", blob);
            await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(layout, StoreHost.Deadline()));
            File.Delete(blob);
            File.Move(kept, blob);
        }
        Assert.Empty(_host.LayerDirectories);
        Assert.Single(await _host.Store.ImportAsync(layout, StoreHost.Deadline()));
    }

    [Theory]
    [InlineData("[null]")]
    [InlineData("[{}]")]
    [InlineData("{}")]
    [InlineData("[{\"Config\":\"a\\u0000b\",\"Layers\":[]}]")]
    [InlineData("[{\"Config\":\"../secret\",\"Layers\":[]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[null]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[\"../secret\"]}]")]
    public async Task A_docker_archive_that_makes_no_sense_is_refused(string manifest)
    {
        File.WriteAllText(_host["secret"], """{"os":"linux","rootfs":{"diff_ids":[]}}""");
        string directory = Directory.CreateDirectory(_host["docker"]).FullName;
        File.WriteAllText(Path.Combine(directory, "manifest.json"), manifest);
        File.WriteAllText(Path.Combine(directory, "config.json"), """{"os":"linux","rootfs":{"diff_ids":["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]}}""");
        Tool.Run("/bin/tar", "-C", directory, "-cf", _host["docker.tar"], ".");

        foreach (string form in (string[])["docker", "docker.tar"])
            Assert.Equal("ErrImagePull", (await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(_host[form], StoreHost.Deadline()))).Reason);
    }

    [Fact]
    public async Task A_hostile_layer_ends_in_an_error_and_an_empty_store()
    {
        _host.Limits = _host.Limits with { Entries = 100 };
        _host.Reopen();
        LayerBuilder bomb = new LayerBuilder();
        for (int i = 0; i < 200; i++) bomb.File($"f{i}");

        ImageException failure = await Assert.ThrowsAsync<ImageException>(() =>
            _host.Store.ImportAsync(LayoutWriter.Write(_host["layout"], "example.com/bomb:1", bomb.Plain()), StoreHost.Deadline()));

        Assert.Contains("more than 100 entries", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_host.StoreDirectory, "layers")));
        Assert.Empty(_host.Store.Images);
    }

    [Fact]
    public async Task A_full_disk_is_named_and_leaves_the_store_as_it_was()
    {
        _host.Store.Dispose();
        NativeKubelet.Linux.Mounts.MountPoint.Tmpfs(_host.Paths.Data, new(3 << 20, 0x1C0), NativeKubelet.Linux.Mounts.MountAttributes.None);
        _host.Reopen();
        string archive = LayoutWriter.Write(_host["layout"], "example.com/big:1", new LayerBuilder().File("small").Plain(), new LayerBuilder().File("big", new string('b', 8 << 20)).Plain());

        ImageException failure = await Assert.ThrowsAsync<ImageException>(() => _host.Store.ImportAsync(archive, StoreHost.Deadline()));

        Assert.Contains("the disk is full", failure.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Store.Images);
        Assert.True(FileSystemSpace.Of(_host.Paths.Data).FreeBytes > 2 << 20);
        await _host.Store.ImportAsync(LayoutWriter.Write(_host["other"], "example.com/small:1", new LayerBuilder().File("small").Plain()), StoreHost.Deadline());
        Assert.Single(_host.Store.Images);
    }

    [Fact]
    public async Task Preloaded_archives_are_pinned_read_once_and_no_broken_one_stops_the_others()
    {
        string directory = Directory.CreateDirectory(_host["preload"]).FullName;
        File.WriteAllText(Path.Combine(directory, "a-broken.tar"), "no archive");
        File.WriteAllText(Path.Combine(directory, "notes.md"), "not looked at");
        File.Move(_host.MakeImage("x.tar"), Path.Combine(directory, "hello.tar"));
        RecordingLogger log = new();

        Assert.True(Assert.Single(await new PreloadDirectory(directory, _host.Paths, _host.Store, log).ScanAsync(StoreHost.Deadline())).Pinned);
        Assert.Contains("a-broken.tar", Assert.Single(log.Lines), StringComparison.Ordinal);
        _host.Reopen();
        Assert.Empty(await new PreloadDirectory(directory, _host.Paths, _host.Store, log).ScanAsync(StoreHost.Deadline()));
        Assert.Single(log.Lines);

        await _host.Store.RemoveAsync("localhost/nativekubelet/hello", StoreHost.Deadline());
        Assert.Single(await new PreloadDirectory(directory, _host.Paths, _host.Store, log).ScanAsync(StoreHost.Deadline()));
    }

    [Fact]
    public async Task An_archive_that_is_put_into_the_preload_directory_is_imported_at_once()
    {
        string directory = _host["preload"], archive = _host.MakeImage("x.tar");
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(StoreHost.Deadline());
        TaskCompletionSource started = new();
        TaskCompletionSource<ImmutableArray<ImageRecord>> arrived = new();
        Task running = new PreloadDirectory(directory, _host.Paths, _host.Store, NullLogger.Instance).RunAsync(images =>
        {
            started.TrySetResult();
            if (!images.IsEmpty) arrived.TrySetResult(images);
        }, end.Token);
        await started.Task.WaitAsync(end.Token);

        File.Move(archive, Path.Combine(directory, "x.tar"));

        Assert.Single(await arrived.Task.WaitAsync(end.Token));
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task An_agent_killed_anywhere_in_an_import_leaves_a_store_that_goes_on()
    {
        string archive = LayoutWriter.Write(_host["layout"], "example.com/victim:1",
            [.. Enumerable.Range(0, 6).Select(i => Many(i, 400).Plain())]);
        _host.Store.Dispose();
        Random random = new(7);
        for (int round = 0; round < 6; round++)
        {
            using Inotify inotify = new();
            inotify.Watch(Path.Combine(_host.StoreDirectory, "layers"), FileEvents.MovedTo | FileEvents.Created);
            using PidFd child = Spawn.Start(new(Environment.ProcessPath!, [Environment.ProcessPath!, .. Self(), "-noLogo", "-explicit", "only", "-method", $"{typeof(ImportVictim).FullName}.{nameof(ImportVictim.Imports_until_it_is_killed)}"])
            {
                Environment = [$"{ImportVictim.Root}={_host.Root}", "PATH=/usr/bin:/bin", $"DOTNET_ROOT={Environment.GetEnvironmentVariable("DOTNET_ROOT")}", "HOME=/root"],
            });
            // Each layer makes two events: its directory, and its name. Killed after another number of them each time.
            int wanted = random.Next(1, 8);
            for (int seen = 0; seen < wanted;) seen += (await inotify.ReadAsync(StoreHost.Deadline())).Length;
            child.TrySignal(9);
            await child.WaitForExitAsync(StoreHost.Deadline());
            await child.ReapAsync(StoreHost.Deadline());

            using ImageStore store = ImageStore.Open(_host.Paths, _host.Registry, _host.Limits, TimeProvider.System, NullLogger.Instance);

            Assert.DoesNotContain(_host.LayerDirectories, d => Path.GetFileName(d).StartsWith('.'));
            foreach (string layer in _host.LayerDirectories) Assert.Equal(401, Directory.GetFileSystemEntries(Path.Combine(layer, "diff"), "*", SearchOption.AllDirectories).Length);
            ImageRecord image = Assert.Single(await store.ImportAsync(archive, StoreHost.Deadline()));
            await store.RemoveAsync(image.Id, StoreHost.Deadline());
            Assert.Empty(_host.LayerDirectories);
        }
    }

    public void Dispose() => _host.Dispose();

    private static LayerBuilder Many(int layer, int files)
    {
        LayerBuilder builder = new LayerBuilder().Directory($"layer{layer}/");
        for (int i = 0; i < files; i++) builder.File($"layer{layer}/file{i}", $"content of {i}");
        return builder;
    }

    // Run by `dotnet X.dll`, the program is dotnet and the first argument the test assembly; else it is the test itself.
    private static string[] Self() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Path.Combine(AppContext.BaseDirectory, "NativeKubelet.Tests.Node.dll")] : [];
}
