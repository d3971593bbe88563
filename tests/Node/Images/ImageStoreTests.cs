using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Tests.Node.Images;

public sealed class ImageStoreTests : IDisposable
{
    private const string Hello = "localhost/nativekubelet/hello:latest";
    private readonly StoreHost _host = new();

    [Fact]
    public async Task A_pulled_image_is_found_by_all_its_names_and_its_packed_layers_are_let_go()
    {
        string digest = Serve("example.com/team/app:1");

        ImageRecord image = await _host.PullAsync("example.com/team/app:1");

        foreach (string name in (string[])["example.com/team/app:1", $"example.com/team/app@{digest}", image.Id, image.Id[7..], image.Id[7..19]])
            Assert.Equal(image.Id, _host.Store.Find(name)?.Id);
        Assert.Null(_host.Store.Find("example.com/team/app:2"));
        Assert.Null(_host.Store.Find(new string('0', 64)));
        Assert.Equal([$"example.com/team/app@{digest}"], image.RepoDigests);
        // Manifest and configuration; the layer is unpacked.
        Assert.Equal(2, _host.Blobs.Length);
        Assert.Equal(image.Id, _host.Reopen().Find("example.com/team/app:1")?.Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/UPPER")]
    [InlineData("a//b")]
    [InlineData("a:b:c")]
    [InlineData("a@sha256:12")]
    public async Task A_name_that_is_none_is_refused_in_the_kubelets_words(string name)
    {
        string expected = $"Failed to apply default image tag \"{name}\": couldn't parse image name \"{name}\": invalid reference format";

        ImageException found = Assert.Throws<ImageException>(() => _host.Store.Find(name));
        ImageException pulled = await Assert.ThrowsAsync<ImageException>(() => _host.PullAsync(name));

        Assert.Equal(("InvalidImageName", expected), (found.Reason, found.Message));
        Assert.Equal(("InvalidImageName", expected), (pulled.Reason, pulled.Message));
    }

    [Fact]
    public async Task A_second_pull_fetches_no_layer_again()
    {
        Serve("example.com/app:1");
        await _host.PullAsync("example.com/app:1");
        int before = _host.Registry.Opened.Count;

        await _host.PullAsync("example.com/app:1");

        Assert.Equal(before, _host.Registry.Opened.Count);
    }

    [Fact]
    public async Task Two_pulls_at_once_fetch_each_layer_once()
    {
        Serve("example.com/app:1", "--add", "/etc/hostname:/one");
        TaskCompletionSource open = new();
        _host.Registry.Gate = open.Task;
        Task<ImageRecord>[] pulls = [_host.PullAsync("example.com/app:1"), _host.PullAsync("example.com/app:1")];
        open.SetResult();

        ImageRecord[] images = await Task.WhenAll(pulls);

        Assert.Equal(images[0].Id, images[1].Id);
        Assert.Equal(2, _host.LayerDirectories.Length);
        Assert.Equal(2, _host.Blobs.Length);
        // The configuration may be read by both.
        Assert.All(_host.Registry.Opened.GroupBy(o => o.Digest).Where(g => g.Key != images[0].Id), g => Assert.Single(g));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_broken_download_goes_on_where_it_ended_also_in_another_agent(bool ignoresOffsets)
    {
        Serve("example.com/app:1");
        _host.Registry.BreakAfter = 200_000;
        ImageException failure = await Assert.ThrowsAsync<ImageException>(() => _host.PullAsync("example.com/app:1"));
        Assert.Equal("ErrImagePull", failure.Reason);
        Assert.Contains("connection reset", failure.Message, StringComparison.Ordinal);
        _host.Registry.BreakAfter = null;
        _host.Registry.IgnoresOffsets = ignoresOffsets;
        _host.Reopen();
        ConcurrentQueue<PullProgress> seen = [];

        await _host.PullAsync("example.com/app:1", new Collector(seen));

        Assert.Equal(200_000, _host.Registry.Opened[^1].Offset);
        Assert.Contains(seen, p => p.Stage == "Downloading" && p.Done == (ignoresOffsets ? 0 : 200_000));
        Assert.Contains(seen, p => p.Stage == "Done");
        Assert.Empty(Directory.GetFiles(Path.Combine(_host.StoreDirectory, "ingest")));
    }

    [Fact]
    public async Task Content_that_is_not_what_its_digest_promises_is_asked_for_once_more_and_then_refused()
    {
        string manifest = Serve("example.com/app:1");
        byte[] right = File.ReadAllBytes(Path.Combine(_host.Registry.Layout, "blobs", manifest.Replace(':', '/')));
        string layer = JsonNode.Parse(right)!["layers"]![0]!["digest"]!.GetValue<string>();
        _host.Registry.Change = content => content.Length < 100_000 ? content : [.. content[..^1], (byte)~content[^1]];

        ImageException failure = await Assert.ThrowsAsync<ImageException>(() => _host.PullAsync("example.com/app:1"));

        Assert.Contains("not what its digest promises", failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, _host.Registry.Opened.Count(o => o.Digest == layer));
        Assert.Empty(_host.Store.Images);
        Assert.Empty(_host.LayerDirectories);
        Assert.Empty(Directory.GetFiles(Path.Combine(_host.StoreDirectory, "ingest")));
    }

    [Fact]
    public async Task A_layer_that_is_not_what_the_configuration_promises_leaves_nothing()
    {
        Rewrite(Serve("example.com/app:1"), config => config["rootfs"]!["diff_ids"]![0] = "sha256:" + new string('1', 64), "example.com/app:2");

        ImageException failure = await Assert.ThrowsAsync<ImageException>(() => _host.PullAsync("example.com/app:2"));

        Assert.Contains("but the image promises", failure.Message, StringComparison.Ordinal);
        Assert.Empty(_host.LayerDirectories);
        Assert.Empty(_host.Store.Images);
    }

    [Theory]
    [InlineData("architecture", "s390x", "no match for platform in manifest: not found")]
    [InlineData("os", "windows", "no match for platform in manifest: not found")]
    public async Task An_image_for_another_machine_is_refused(string field, string value, string expected)
    {
        Rewrite(Serve("example.com/app:1"), config => config[field] = value, "example.com/app:2");

        Assert.Contains(expected, (await Assert.ThrowsAsync<ImageException>(() => _host.PullAsync("example.com/app:2"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_moved_tag_leaves_the_old_image_without_it()
    {
        string first = Serve("example.com/app:1");
        ImageRecord old = await _host.PullAsync("example.com/app:1");
        string second = Serve("example.com/app:1", "--env", "NEW=1");

        ImageRecord now = await _host.PullAsync("example.com/app:1");

        foreach (NativeKubelet.Runtime.Images.ImageStore store in (NativeKubelet.Runtime.Images.ImageStore[])[_host.Store, _host.Reopen()])
        {
            Assert.Equal(now.Id, store.Find("example.com/app:1")!.Id);
            Assert.Empty(store.Find(old.Id)!.RepoTags);
            Assert.Equal([$"example.com/app@{first}"], store.Find(old.Id)!.RepoDigests);
            Assert.Equal([$"example.com/app@{second}"], store.Find(now.Id)!.RepoDigests);
        }
        Assert.Single(_host.LayerDirectories);
    }

    [Fact]
    public async Task A_name_that_two_records_claim_after_a_crash_belongs_to_the_later()
    {
        Serve("example.com/app:1");
        ImageRecord old = await _host.PullAsync("example.com/app:1");
        string record = Path.Combine(_host.StoreDirectory, "records", old.Id[7..] + ".json");
        byte[] before = File.ReadAllBytes(record);
        Serve("example.com/app:1", "--env", "NEW=1");
        ImageRecord now = await _host.PullAsync("example.com/app:1");
        File.WriteAllBytes(record, before);

        _host.Reopen();

        Assert.Equal(now.Id, _host.Store.Find("example.com/app:1")!.Id);
        Assert.Empty(_host.Store.Find(old.Id)!.RepoTags);
    }

    [Fact]
    public async Task A_container_sees_the_image_and_writes_beside_it()
    {
        ImageRecord image = (await _host.Store.ImportAsync(_host.MakeImage("a.tar"), StoreHost.Deadline()))[0];

        string target = await _host.MountAsync(image, "one");

        Assert.Equal("linked\n", Tool.Run("/usr/sbin/chroot", target, "/bin/sh", "-c", "echo linked >/tmp/x; cat /tmp/x"));
        Assert.True(File.Exists(Path.Combine(_host.Paths.ContainerData("one"), "upper/tmp/x")));
        Assert.False(File.Exists(Path.Combine(_host.LayerDirectories[0], "diff/tmp/x")));
        using DirectoryHandle root = DirectoryHandle.Open(target);
        Assert.Equal((0x1EDu, 0x3FFu), (root.Status().Permissions, root.Status("tmp").Permissions));
        await _host.UnmountAsync("one");
        await _host.UnmountAsync("one");
        Assert.False(MountPoint.Exists(target));
    }

    [Fact]
    public async Task Layers_of_a_removed_image_stay_until_their_last_container_goes()
    {
        string archive = _host.MakeImage("a.tar");
        ImageRecord image = (await _host.Store.ImportAsync(archive, StoreHost.Deadline()))[0];
        string target = await _host.MountAsync(image, "one");
        await _host.MountAsync(image, "two");

        Assert.True(await _host.Store.RemoveAsync(image.Id, StoreHost.Deadline()));

        Assert.Empty(_host.Store.Images);
        Assert.Empty(_host.Blobs);
        _host.Reopen();
        Assert.True(File.Exists(Path.Combine(target, "bin/busybox")));
        await _host.UnmountAsync("one");
        Assert.Single(_host.LayerDirectories);
        await _host.UnmountAsync("two");
        Assert.Empty(_host.LayerDirectories);
        await Assert.ThrowsAsync<ImageException>(() => _host.MountAsync(image, "three"));
    }

    [Fact]
    public async Task A_container_whose_directory_was_removed_holds_no_layers()
    {
        ImageRecord image = (await _host.Store.ImportAsync(_host.MakeImage("a.tar"), StoreHost.Deadline()))[0];
        MountPoint.Detach(await _host.MountAsync(image, "one"));
        DirectoryHandle.DeleteTree(_host.Paths.ContainerData("one"));

        await _host.Store.RemoveAsync(Hello, StoreHost.Deadline());

        Assert.Empty(_host.LayerDirectories);
    }

    [Fact]
    public async Task Removing_one_of_two_names_keeps_the_image_and_shared_layers_stay_with_the_other()
    {
        await _host.Store.ImportAsync(_host.MakeImage("a.tar", "--name", "example.com/a:1", "--name", "example.com/a:2"), StoreHost.Deadline());
        await _host.Store.ImportAsync(_host.MakeImage("b.tar", "--name", "example.com/b:1", "--add", "/etc/hostname:/added"), StoreHost.Deadline());
        Assert.Equal(2, _host.LayerDirectories.Length);

        Assert.True(await _host.Store.RemoveAsync("example.com/a:1", StoreHost.Deadline()));
        Assert.Equal(["example.com/a:2"], _host.Store.Find("example.com/a:2")!.RepoTags);
        Assert.True(await _host.Store.RemoveAsync("example.com/b:1", StoreHost.Deadline()));

        Assert.Single(_host.LayerDirectories);
        Assert.Single(_host.Store.Images);
        Assert.False(await _host.Store.RemoveAsync("example.com/b:1", StoreHost.Deadline()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"version\":1}")]
    [InlineData("null")]
    public async Task A_damaged_record_is_set_aside_and_the_others_go_on(string content)
    {
        await _host.Store.ImportAsync(_host.MakeImage("a.tar", "--name", "example.com/a:1"), StoreHost.Deadline());
        ImageRecord other = (await _host.Store.ImportAsync(_host.MakeImage("b.tar", "--name", "example.com/b:1", "--env", "B=1"), StoreHost.Deadline()))[0];
        string record = Path.Combine(_host.StoreDirectory, "records", other.Id[7..] + ".json");
        File.WriteAllText(record, content);

        _host.Reopen();

        Assert.Equal(["example.com/a:1"], _host.Store.Images.SelectMany(i => i.RepoTags));
        Assert.True(File.Exists(record + ".corrupt"));
        Assert.Contains(_host.Log, l => l.StartsWith("ImageRecordSetAside", StringComparison.Ordinal));
        await _host.Store.ImportAsync(_host["b.tar"], StoreHost.Deadline());
        Assert.NotNull(_host.Store.Find("example.com/b:1"));
    }

    [Fact]
    public async Task An_image_whose_layer_is_damaged_comes_back_with_the_next_import()
    {
        string archive = _host.MakeImage("a.tar");
        await _host.Store.ImportAsync(archive, StoreHost.Deadline());
        File.WriteAllText(Path.Combine(_host.LayerDirectories[0], "layer.json"), "{}");

        _host.Reopen();

        Assert.Empty(_host.Store.Images);
        Assert.Empty(_host.LayerDirectories);
        Assert.Single(await _host.Store.ImportAsync(archive, StoreHost.Deadline()));
    }

    [Fact]
    public async Task What_a_killed_agent_left_half_made_is_removed_at_the_start()
    {
        await _host.Store.ImportAsync(_host.MakeImage("a.tar"), StoreHost.Deadline());
        foreach (string leftover in (string[])["layers/.new-1/diff/etc", "layers/.gone-1/diff/etc"]) Directory.CreateDirectory(Path.Combine(_host.StoreDirectory, leftover));
        foreach (string leftover in (string[])["scratch/1", "records/.x.1.nk-tmp", "blobs/.x.1.nk-tmp"]) File.WriteAllText(Path.Combine(_host.StoreDirectory, leftover), "half");

        _host.Reopen();

        Assert.Single(Directory.GetFileSystemEntries(Path.Combine(_host.StoreDirectory, "layers")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_host.StoreDirectory, "scratch")));
        Assert.DoesNotContain(Directory.GetFiles(_host.StoreDirectory, "*", SearchOption.AllDirectories), f => f.EndsWith(".nk-tmp", StringComparison.Ordinal));
        Assert.Single(_host.Store.Images);
    }

    [Fact]
    public async Task A_data_directory_on_an_overlay_works_by_copying()
    {
        string merged = Directory.CreateDirectory(_host.Paths.Data).FullName;
        foreach (string part in (string[])["l", "u", "w"]) Directory.CreateDirectory(_host[part]);
        _host.Store.Dispose();
        OverlayMount.Mount(new([_host["l"]], _host["u"], _host["w"], Volatile: false), merged);
        _host.Reopen();
        LayerBuilder below = new LayerBuilder().Directory("d/").File("d/old").File("gone"), top = new LayerBuilder().Whiteout("gone").Opaque("d").File("d/new");
        string archive = LayoutWriter.Write(_host["layout"], "example.com/copied:1", below.Plain(), top.Plain());
        ImageRecord image = (await _host.Store.ImportAsync(archive, StoreHost.Deadline()))[0];

        string target = await _host.MountAsync(image, "one");
        await _host.MountAsync(image, "two");

        Assert.Equal(["d", "d/new"], Directory.GetFileSystemEntries(target, "*", SearchOption.AllDirectories).Select(p => p[(target.Length + 1)..]).Order(StringComparer.Ordinal));
        Assert.Single(_host.Log, l => l.StartsWith("OverlayUnavailable", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(target, "d/new"), "changed");
        Assert.Equal("", File.ReadAllText(_host["mounted/two/d/new"]));
        await _host.UnmountAsync("one");
        await _host.UnmountAsync("two");
        Assert.Empty(Directory.GetFileSystemEntries(_host.Paths.ContainerData("one")));
    }

    public void Dispose() => _host.Dispose();

    /// <summary>Makes an image and puts it into the registry under a name.</summary>
    private string Serve(string name, params string[] options)
    {
        string archive = _host.MakeImage("serve.tar", ["--name", name, .. options]);
        Directory.CreateDirectory(_host.Registry.Layout);
        Tool.Run("/bin/tar", "-C", _host.Registry.Layout, "-xf", archive);
        JsonNode index = JsonNode.Parse(File.ReadAllBytes(Path.Combine(_host.Registry.Layout, "index.json")))!;
        return _host.Registry.Tags[name] = index["manifests"]![0]!["digest"]!.GetValue<string>();
    }

    /// <summary>Serves the image with another configuration, honest digests included.</summary>
    private void Rewrite(string manifestDigest, Action<JsonNode> change, string name)
    {
        string blobs = Path.Combine(_host.Registry.Layout, "blobs/sha256");
        JsonNode manifest = JsonNode.Parse(File.ReadAllBytes(Path.Combine(blobs, manifestDigest[7..])))!;
        JsonNode config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(blobs, manifest["config"]!["digest"]!.GetValue<string>()[7..])))!;
        change(config);
        string Put(JsonNode node)
        {
            byte[] bytes = System.Text.Encoding.UTF8.GetBytes(node.ToJsonString());
            string digest = ContentDigest.Of(bytes).Text;
            File.WriteAllBytes(Path.Combine(blobs, digest[7..]), bytes);
            return digest;
        }
        manifest["config"]!["digest"] = Put(config);
        manifest["config"]!["size"] = System.Text.Encoding.UTF8.GetByteCount(config.ToJsonString());
        _host.Registry.Tags[name] = Put(manifest);
    }

    private sealed class Collector(ConcurrentQueue<PullProgress> seen) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => seen.Enqueue(value);
    }
}
